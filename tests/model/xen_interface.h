// The hypercalls' numbers and structures from Xen's public headers, and the
// libraries that the model stands in for. xenctrl.h goes first: it defines what
// the public headers need.
#pragma once

extern "C" {
#include <xenctrl.h>

#include <xencall.h>
#include <xenforeignmemory.h>

#include <xen/domctl.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#include <xen/xen.h>
}
