# The commands and the protocol. No Xen header is visible here: the flags name
# none, and tests/lint looks at the includes.

noinst_LIBRARIES += libplugin.a
libplugin_a_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	$(YAJL_CFLAGS) \
	$(XXHASH_CFLAGS) \
	$(NULL)
libplugin_a_SOURCES = \
	plugin/background.cc \
	plugin/background.h \
	plugin/control.h \
	plugin/conversation.cc \
	plugin/conversation.h \
	plugin/dirty_set.cc \
	plugin/dirty_set.h \
	plugin/events.cc \
	plugin/events.h \
	plugin/handshake.cc \
	plugin/handshake.h \
	plugin/json.cc \
	plugin/json.h \
	plugin/link.cc \
	plugin/link.h \
	plugin/log.h \
	plugin/migration_stream.cc \
	plugin/migration_stream.h \
	plugin/options.cc \
	plugin/options.h \
	plugin/primary.cc \
	plugin/primary.h \
	plugin/relay.h \
	plugin/relay_dirty_feed.cc \
	plugin/relay_dirty_list.cc \
	plugin/relay_pipe.cc \
	plugin/relay_pipe.h \
	plugin/relay_restore.cc \
	plugin/relay_save.cc \
	plugin/result.cc \
	plugin/result.h \
	plugin/secondary.cc \
	plugin/secondary.h \
	plugin/session.cc \
	plugin/session.h \
	plugin/status.cc \
	plugin/status.h \
	plugin/status_figures.cc \
	plugin/status_figures.h \
	plugin/status_json.cc \
	plugin/status_json.h \
	plugin/transport.cc \
	plugin/transport.h \
	plugin/unique_fd.h \
	plugin/units.h \
	plugin/verify.cc \
	plugin/verify.h \
	plugin/wire.cc \
	plugin/wire.h \
	$(NULL)
