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
	libxl-glue/access.cc \
	libxl-glue/access.h \
	libxl-glue/balloon.cc \
	libxl-glue/balloon.h \
	libxl-glue/callout.cc \
	libxl-glue/callout.h \
	libxl-glue/compat.h \
	libxl-glue/device_state.cc \
	libxl-glue/device_state.h \
	libxl-glue/digest.cc \
	libxl-glue/digest.h \
	libxl-glue/domain.cc \
	libxl-glue/domain.h \
	libxl-glue/errors.h \
	libxl-glue/glue.h \
	libxl-glue/guest_library.cc \
	libxl-glue/guest_library.h \
	libxl-glue/guest_memory.cc \
	libxl-glue/guest_memory.h \
	libxl-glue/handles.h \
	libxl-glue/host.cc \
	libxl-glue/host.h \
	libxl-glue/incoming.cc \
	libxl-glue/incoming.h \
	libxl-glue/libxl_stream.cc \
	libxl-glue/libxl_stream.h \
	libxl-glue/log_dirty.cc \
	libxl-glue/log_dirty.h \
	libxl-glue/logger.cc \
	libxl-glue/logger.h \
	libxl-glue/opening.cc \
	libxl-glue/page_hash.cc \
	libxl-glue/page_hash.h \
	libxl-glue/page_mover.h \
	libxl-glue/present_pages.cc \
	libxl-glue/present_pages.h \
	libxl-glue/pv_reset.cc \
	libxl-glue/pv_reset.h \
	libxl-glue/qmp.cc \
	libxl-glue/qmp.h \
	libxl-glue/qmp_connections.cc \
	libxl-glue/qmp_connections.h \
	libxl-glue/restore.cc \
	libxl-glue/restore_target.h \
	libxl-glue/run_directory.cc \
	libxl-glue/run_directory.h \
	libxl-glue/save.cc \
	libxl-glue/shutdown.cc \
	libxl-glue/shutdown_node.cc \
	libxl-glue/shutdown_node.h \
	libxl-glue/store_ring.cc \
	libxl-glue/store_ring.h \
	libxl-glue/suspend_request.cc \
	libxl-glue/suspend_request.h \
	libxl-glue/vmstate_file.cc \
	libxl-glue/vmstate_file.h \
	libxl-glue/watch.cc \
	libxl-glue/watch.h \
	libxl-glue/xen_headers.h \
	$(NULL)

# The migration entry points for a libxenguest that has none.
if NEED_STUBS
libglue_a_SOURCES += arm-stubs/save-4.14.c
if RESTORE_TAKES_MEMFLAGS
libglue_a_SOURCES += arm-stubs/restore-4.22.c
else
libglue_a_SOURCES += arm-stubs/restore-4.14.c
endif
endif

# Run by libxl in place of its own save helper, on the secondary.
pkglibexec_PROGRAMS = save-helper
save_helper_CPPFLAGS = $(libglue_a_CPPFLAGS)
save_helper_SOURCES = \
	libxl-glue/save_helper.cc \
	$(NULL)
save_helper_LDADD =
