# The model hypervisor: stand-ins for the two libraries through which Debian's
# libxenctrl and libxenguest reach Xen. One shared object is both of them, under
# two more names in a folder of its own; the loader sees that it is one file.
# The test programs find it there before the real ones, because they name that
# folder by RPATH (not RUNPATH, which counts for direct dependencies alone).

check_PROGRAMS += tests/model/lib/libxenmodel.so
tests_model_lib_libxenmodel_so_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	$(XEN_CFLAGS) \
	$(NULL)
tests_model_lib_libxenmodel_so_CXXFLAGS = \
	$(AM_CXXFLAGS) \
	-fPIC \
	$(NULL)
tests_model_lib_libxenmodel_so_LDFLAGS = \
	$(AM_LDFLAGS) \
	-shared \
	-Wl,-soname,libxenmodel.so \
	-Wl,--version-script=$(srcdir)/tests/model/libxenmodel.map \
	$(NULL)
tests_model_lib_libxenmodel_so_LDADD =
tests_model_lib_libxenmodel_so_DEPENDENCIES = tests/model/libxenmodel.map
tests_model_lib_libxenmodel_so_SOURCES = \
	tests/model/dirty_log.cc \
	tests/model/dirty_log.h \
	tests/model/domctl.cc \
	tests/model/hypervisor.cc \
	tests/model/hypervisor.h \
	tests/model/image.cc \
	tests/model/image.h \
	tests/model/memory_op.cc \
	tests/model/vcpu.cc \
	tests/model/vcpu.h \
	tests/model/vm.cc \
	tests/model/vm.h \
	tests/model/xen_interface.h \
	tests/model/xencall.cc \
	tests/model/xenforeignmemory.cc \
	$(NULL)
EXTRA_DIST += \
	tests/model/README.md \
	tests/model/libxenmodel.map \
	$(NULL)

model_names = \
	tests/model/lib/libxencall.so.1 \
	tests/model/lib/libxenforeignmemory.so.1 \
	$(NULL)
$(model_names): tests/model/lib/libxenmodel.so
	$(AM_V_GEN)ln -sf libxenmodel.so $@
CLEANFILES += $(model_names)
check_DATA += $(model_names)

# Guests, and what stands for libxl above libxenguest.
check_LIBRARIES += tests/model/libmodel.a
tests_model_libmodel_a_CPPFLAGS = $(model_cppflags)
tests_model_libmodel_a_SOURCES = \
	tests/model/churn.cc \
	tests/model/churn.h \
	tests/model/guest.cc \
	tests/model/guest.h \
	tests/model/meeting.cc \
	tests/model/meeting.h \
	tests/model/model_domain.cc \
	tests/model/model_domain.h \
	tests/model/model_host.cc \
	tests/model/model_host.h \
	tests/model/model_log.h \
	tests/model/model_mover.cc \
	tests/model/model_mover.h \
	tests/model/pair.cc \
	tests/model/pair.h \
	$(NULL)

model_cppflags = \
	$(AM_CPPFLAGS) \
	-I$(srcdir)/tests/model \
	-I$(srcdir)/tests/unit \
	$(XEN_CFLAGS) \
	$(YAJL_CFLAGS) \
	$(NULL)
model_ldflags = \
	$(AM_LDFLAGS) \
	-Wl,--disable-new-dtags \
	'-Wl,-rpath,$$ORIGIN/lib' \
	$(NULL)
model_ldadd = \
	tests/model/libmodel.a \
	tests/model/lib/libxenmodel.so \
	$(LDADD) \
	$(NULL)

model_tests = \
	tests/model/test-model-commit \
	tests/model/test-model-losses \
	tests/model/test-model-session \
	tests/model/test-model-stream \
	$(NULL)
tests_model_test_model_commit_CPPFLAGS = $(model_cppflags)
tests_model_test_model_commit_LDFLAGS = $(model_ldflags)
tests_model_test_model_commit_LDADD = $(model_ldadd)
tests_model_test_model_losses_CPPFLAGS = $(model_cppflags)
tests_model_test_model_losses_LDFLAGS = $(model_ldflags)
tests_model_test_model_losses_LDADD = $(model_ldadd)
tests_model_test_model_session_CPPFLAGS = $(model_cppflags)
tests_model_test_model_session_LDFLAGS = $(model_ldflags)
tests_model_test_model_session_LDADD = $(model_ldadd)
tests_model_test_model_stream_CPPFLAGS = $(model_cppflags)
tests_model_test_model_stream_LDFLAGS = $(model_ldflags)
tests_model_test_model_stream_LDADD = $(model_ldadd)

if HAVE_CMOCKA
check_PROGRAMS += $(model_tests)
TESTS += $(model_tests)
endif
EXTRA_DIST += \
	tests/model/check_outcome.h \
	$(model_tests:=.cc) \
	$(NULL)
