# The commands and the protocol. No Xen header is visible here: the flags name
# none, and tests/lint looks at the includes.

noinst_LIBRARIES += libplugin.a
libplugin_a_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	$(YAJL_CFLAGS) \
	$(XXHASH_CFLAGS) \
	$(NULL)
libplugin_a_SOURCES = \
	plugin/events.cc \
	plugin/events.h \
	plugin/link.cc \
	plugin/link.h \
	plugin/log.h \
	plugin/relay.h \
	plugin/result.cc \
	plugin/result.h \
	plugin/status.h \
	plugin/unique_fd.h \
	plugin/units.h \
	plugin/wire.cc \
	plugin/wire.h \
	$(NULL)
