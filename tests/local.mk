# make check: unit tests over fakes, seconds, no Xen.
# make check-nested, check-patches, bench: see README.md.

# The pretend Xen that the sessions are tested over.
check_LIBRARIES += libfakes.a
libfakes_a_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(srcdir)/tests/fakes \
	$(NULL)
libfakes_a_SOURCES = \
	$(NULL)

# Each is one program, tests/unit/test-<module>.cc, linked with all that the
# program itself is made of. plugin and glue know each other by interfaces, so
# the linker has to look into the first twice.
unit_tests = \
	tests/unit/test-options \
	tests/unit/test-transport \
	$(NULL)

AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; export srcdir; \
	$(NULL)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
EXTRA_DIST += $(unit_tests:=.cc)

LDADD = \
	libfakes.a \
	libplugin.a \
	libglue.a \
	libplugin.a \
	$(CMOCKA_LIBS) \
	$(XEN_LIBS) \
	$(XXHASH_LIBS) \
	$(YAJL_LIBS) \
	$(NULL)
