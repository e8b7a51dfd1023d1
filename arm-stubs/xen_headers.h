/* xenguest.h does not include what it needs. */

#ifndef ARM_STUBS_XEN_HEADERS_H
#define ARM_STUBS_XEN_HEADERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenctrl.h>
#include <xenguest.h>

#endif
