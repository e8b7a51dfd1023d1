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
	$(YAJL_CFLAGS) \
	$(NULL)
libglue_a_SOURCES = \
	libxl-glue/domain/balloon.cc \
	libxl-glue/domain/balloon.h \
	libxl-glue/domain/card_connection.cc \
	libxl-glue/domain/card_connection.h \
	libxl-glue/domain/device_watch.cc \
	libxl-glue/domain/device_watch.h \
	libxl-glue/domain/disk_connection.cc \
	libxl-glue/domain/disk_connection.h \
	libxl-glue/domain/domain.cc \
	libxl-glue/domain/domain.h \
	libxl-glue/domain/granted_pages.cc \
	libxl-glue/domain/granted_pages.h \
	libxl-glue/domain/guest_memory.cc \
	libxl-glue/domain/guest_memory.h \
	libxl-glue/domain/guest_state.cc \
	libxl-glue/domain/guest_state.h \
	libxl-glue/domain/hypervisor_pages.cc \
	libxl-glue/domain/hypervisor_pages.h \
	libxl-glue/domain/log_dirty.cc \
	libxl-glue/domain/log_dirty.h \
	libxl-glue/domain/present_pages.cc \
	libxl-glue/domain/present_pages.h \
	libxl-glue/domain/pv_reset.cc \
	libxl-glue/domain/pv_reset.h \
	libxl-glue/domain/shutdown_node.cc \
	libxl-glue/domain/shutdown_node.h \
	libxl-glue/domain/stopping.cc \
	libxl-glue/domain/stopping.h \
	libxl-glue/domain/store_ring.cc \
	libxl-glue/domain/store_ring.h \
	libxl-glue/domain/suspend_request.cc \
	libxl-glue/domain/suspend_request.h \
	libxl-glue/domain/xenbus_pair.cc \
	libxl-glue/domain/xenbus_pair.h \
	libxl-glue/host/host.cc \
	libxl-glue/host/host.h \
	libxl-glue/host/opening.cc \
	libxl-glue/host/shutdown_actions.cc \
	libxl-glue/migration/callout.cc \
	libxl-glue/migration/callout.h \
	libxl-glue/migration/guest_library.cc \
	libxl-glue/migration/guest_library.h \
	libxl-glue/migration/incoming.cc \
	libxl-glue/migration/incoming.h \
	libxl-glue/migration/libxl_stream.cc \
	libxl-glue/migration/libxl_stream.h \
	libxl-glue/migration/page_mover.h \
	libxl-glue/migration/restore.cc \
	libxl-glue/migration/restore_target.h \
	libxl-glue/migration/save.cc \
	libxl-glue/qemu/device_state.cc \
	libxl-glue/qemu/device_state.h \
	libxl-glue/qemu/qmp.cc \
	libxl-glue/qemu/qmp.h \
	libxl-glue/qemu/qmp_connections.cc \
	libxl-glue/qemu/qmp_connections.h \
	libxl-glue/qemu/temporary_file.cc \
	libxl-glue/qemu/temporary_file.h \
	libxl-glue/qemu/vmstate_file.cc \
	libxl-glue/qemu/vmstate_file.h \
	libxl-glue/xen/access.cc \
	libxl-glue/xen/access.h \
	libxl-glue/xen/compat.h \
	libxl-glue/xen/domain_watch.cc \
	libxl-glue/xen/domain_watch.h \
	libxl-glue/xen/handles.h \
	libxl-glue/xen/logger.cc \
	libxl-glue/xen/logger.h \
	libxl-glue/xen/store_nodes.cc \
	libxl-glue/xen/store_nodes.h \
	libxl-glue/xen/xen_headers.h \
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
	libxl-glue/migration/save_helper.cc \
	$(NULL)
save_helper_LDADD = libbase.a
