# The commands and the protocol. No Xen header is visible here: the flags name
# none, and tests/lint looks at the includes.

noinst_LIBRARIES += libplugin.a
libplugin_a_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	$(CRYPTO_CFLAGS) \
	$(LZ4_CFLAGS) \
	$(YAJL_CFLAGS) \
	$(XXHASH_CFLAGS) \
	$(NULL)
libplugin_a_SOURCES = \
	plugin/background.cc \
	plugin/background.h \
	plugin/bytes.h \
	plugin/caretaker.cc \
	plugin/caretaker.h \
	plugin/compression.h \
	plugin/content_hash.cc \
	plugin/content_hash.h \
	plugin/control.cc \
	plugin/control.h \
	plugin/control_client.cc \
	plugin/control_socket.cc \
	plugin/control_socket.h \
	plugin/conversation.cc \
	plugin/conversation.h \
	plugin/copy_limits.cc \
	plugin/copy_limits.h \
	plugin/copy_pages.cc \
	plugin/copy_pages.h \
	plugin/desk.cc \
	plugin/desk.h \
	plugin/dirty_code.cc \
	plugin/dirty_code.h \
	plugin/dirty_set.cc \
	plugin/dirty_set.h \
	plugin/eligibility.cc \
	plugin/eligibility.h \
	plugin/events.cc \
	plugin/events.h \
	plugin/handshake.cc \
	plugin/handshake.h \
	plugin/heap.cc \
	plugin/heap.h \
	plugin/hexadecimal.h \
	plugin/host_events.cc \
	plugin/host_events.h \
	plugin/json.cc \
	plugin/json.h \
	plugin/known_pages.cc \
	plugin/known_pages.h \
	plugin/link.cc \
	plugin/link.h \
	plugin/log.h \
	plugin/migration_stream.cc \
	plugin/migration_stream.h \
	plugin/moved_pages.cc \
	plugin/moved_pages.h \
	plugin/options.cc \
	plugin/options.h \
	plugin/packed_frame.cc \
	plugin/packed_frame.h \
	plugin/packer.cc \
	plugin/packer.h \
	plugin/page_difference.cc \
	plugin/page_difference.h \
	plugin/page_digester.cc \
	plugin/page_digester.h \
	plugin/page_sifter.cc \
	plugin/page_sifter.h \
	plugin/pages_frame.cc \
	plugin/pages_frame.h \
	plugin/primary.cc \
	plugin/primary.h \
	plugin/protection.cc \
	plugin/protection.h \
	plugin/relay.h \
	plugin/relay_dirty_feed.cc \
	plugin/relay_dirty_list.cc \
	plugin/relay_pipe.cc \
	plugin/relay_pipe.h \
	plugin/relay_restore.cc \
	plugin/relay_save.cc \
	plugin/request.cc \
	plugin/request.h \
	plugin/result.cc \
	plugin/result.h \
	plugin/secondary.cc \
	plugin/secondary.h \
	plugin/session.cc \
	plugin/session.h \
	plugin/shell_fence.cc \
	plugin/shell_fence.h \
	plugin/status.cc \
	plugin/status.h \
	plugin/status_figures.cc \
	plugin/status_figures.h \
	plugin/status_json.cc \
	plugin/status_json.h \
	plugin/status_text.cc \
	plugin/status_text.h \
	plugin/transport.cc \
	plugin/transport.h \
	plugin/unique_fd.h \
	plugin/units.h \
	plugin/verify.cc \
	plugin/verify.h \
	plugin/wire.cc \
	plugin/wire.h \
	plugin/worker_pool.cc \
	plugin/worker_pool.h \
	$(NULL)

# One program under several names, in xl's plugin folder for a patched xl and
# beside xl for the shell.
# automake installs what goes to a folder with "exec" in its name before the
# hook below.
xlpluginexec_PROGRAMS = xl-colo
xlpluginexecdir = $(xlplugindir)
xl_colo_CPPFLAGS = $(libplugin_a_CPPFLAGS)
xl_colo_SOURCES = \
	plugin/cmd_failover.cc \
	plugin/cmd_failover.h \
	plugin/cmd_receive.cc \
	plugin/cmd_receive.h \
	plugin/cmd_start.cc \
	plugin/cmd_start.h \
	plugin/cmd_status.cc \
	plugin/cmd_status.h \
	plugin/cmd_stop.cc \
	plugin/cmd_stop.h \
	plugin/xl_colo.cc \
	$(NULL)
xl_colo_LDADD = \
	libplugin.a \
	libglue.a \
	libplugin.a \
	$(CRYPTO_LIBS) \
	$(LZ4_LIBS) \
	$(XEN_LIBS) \
	$(XXHASH_LIBS) \
	$(YAJL_LIBS) \
	$(NULL)

colo_names = \
	xl-colo-failover \
	xl-colo-receive \
	xl-colo-start \
	xl-colo-status \
	xl-colo-stop \
	$(NULL)

install-exec-hook:
	$(MKDIR_P) $(DESTDIR)$(sbindir)
	for name in $(colo_names); do \
	    ln -sf xl-colo $(DESTDIR)$(xlplugindir)/$$name && \
	    ln -sf $(xlplugindir)/xl-colo $(DESTDIR)$(sbindir)/$$name || \
	    exit 1; \
	done

uninstall-hook:
	for name in $(colo_names); do \
	    rm -f $(DESTDIR)$(xlplugindir)/$$name $(DESTDIR)$(sbindir)/$$name \
	        $(DESTDIR)$(bashcompletiondir)/$$name; \
	done
