// Xen's C headers for C++. libxl.h has no extern "C"; xenctrl.h refuses strict
// ISO modes, hence gnu++20; xenguest.h and libxl_json.h are not self-contained,
// and the latter wants to be told about YAJL's version header although no YAJL
// handle ever crosses libxl's border here (from 4.21 libxl may use json-c).
#pragma once

// What libxendevicemodel does, libxenctrl does too for those who say so, since
// 4.9: it is linked with it in any case.
#ifndef XC_WANT_COMPAT_DEVICEMODEL_API
#define XC_WANT_COMPAT_DEVICEMODEL_API 1
#endif

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
