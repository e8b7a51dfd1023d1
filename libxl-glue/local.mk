# The only code that sees Xen's headers.

XEN_CFLAGS = \
	$(XENCONTROL_CFLAGS) \
	$(XENFOREIGNMEMORY_CFLAGS) \
	$(XENGUEST_CFLAGS) \
	$(XENLIGHT_CFLAGS) \
	$(XENSTORE_CFLAGS) \
	$(XENTOOLLOG_CFLAGS) \
	$(NULL)
XEN_LIBS = \
	$(XENCONTROL_LIBS) \
	$(XENFOREIGNMEMORY_LIBS) \
	$(XENGUEST_LIBS) \
	$(XENLIGHT_LIBS) \
	$(XENSTORE_LIBS) \
	$(XENTOOLLOG_LIBS) \
	$(NULL)

noinst_LIBRARIES += libglue.a
libglue_a_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-DXL_COLO_SAVE_HELPER='"$(pkglibexecdir)/save-helper"' \
	$(XEN_CFLAGS) \
	$(XXHASH_CFLAGS) \
	$(YAJL_CFLAGS) \
	$(NULL)
libglue_a_SOURCES = \
	libxl-glue/glue.h \
	$(NULL)
