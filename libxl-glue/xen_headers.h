// Xen's C headers for C++. libxl.h has no extern "C"; xenctrl.h refuses strict
// ISO modes, hence gnu++20; xenguest.h and libxl_json.h are not self-contained,
// and the latter wants to be told about YAJL's version header although no YAJL
// handle ever crosses libxl's border here (from 4.21 libxl may use json-c).
#pragma once

#ifndef HAVE_YAJL_YAJL_VERSION_H
#define HAVE_YAJL_YAJL_VERSION_H 1
#endif

extern "C" {
#include <libxl.h>
#include <libxl_utils.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xenguest.h>
#include <xenstore.h>
#include <xentoollog.h>

#include <xen/hvm/params.h>
#include <xen/io/xs_wire.h>
#include <xen/sched.h>
}
