# The checkpoint benchmark, over the model hypervisor (tests/model). make bench
# runs all of it; test-checkpoint is a short form that looks at bytes alone.

check_LIBRARIES += tests/bench/libbench.a
tests_bench_libbench_a_CPPFLAGS = $(bench_cppflags)
tests_bench_libbench_a_SOURCES = \
	tests/bench/checkpoint.d/calls_of_libxc.cc \
	tests/bench/checkpoint.d/calls_of_libxc.h \
	tests/bench/checkpoint.d/connection.cc \
	tests/bench/checkpoint.d/connection.h \
	tests/bench/checkpoint.d/filler.cc \
	tests/bench/checkpoint.d/filler.h \
	tests/bench/checkpoint.d/job.h \
	tests/bench/checkpoint.d/pair.cc \
	tests/bench/checkpoint.d/pair.h \
	tests/bench/checkpoint.d/stock.cc \
	tests/bench/checkpoint.d/stock.h \
	$(NULL)

bench_cppflags = \
	-I$(srcdir)/tests/bench/checkpoint.d \
	$(model_cppflags) \
	$(NULL)
bench_ldflags = \
	$(AM_LDFLAGS) \
	-Wl,--disable-new-dtags \
	'-Wl,-rpath,$$ORIGIN/../model/lib' \
	$(NULL)
bench_ldadd = \
	tests/bench/libbench.a \
	$(model_ldadd) \
	$(NULL)

check_PROGRAMS += tests/bench/checkpoint
tests_bench_checkpoint_SOURCES = tests/bench/checkpoint.d/main.cc
tests_bench_checkpoint_CPPFLAGS = $(bench_cppflags)
tests_bench_checkpoint_LDFLAGS = $(bench_ldflags)
tests_bench_checkpoint_LDADD = $(bench_ldadd)

check_PROGRAMS += tests/bench/work
tests_bench_work_SOURCES = tests/bench/work.cc
tests_bench_work_CPPFLAGS = $(bench_cppflags)
tests_bench_work_LDFLAGS = $(bench_ldflags)
tests_bench_work_LDADD = $(bench_ldadd)

check_PROGRAMS += tests/bench/comparison
check_PROGRAMS += tests/bench/frame_check

check_PROGRAMS += tests/bench/network
tests_bench_network_CPPFLAGS = \
	-I$(srcdir)/tests/bench \
	$(AM_CPPFLAGS) \
	$(NULL)
tests_bench_network_SOURCES = \
	tests/bench/network.d/bed.cc \
	tests/bench/network.d/bed.h \
	tests/bench/network.d/main.cc \
	tests/bench/network.d/path.h \
	tests/bench/network.d/plug.cc \
	tests/bench/network.d/qemu.cc \
	tests/bench/network.d/taps.cc \
	tests/bench/network.d/tc_without.cc \
	tests/bench/network.d/tc_without.h \
	tests/bench/network.d/traffic.cc \
	tests/bench/network.d/traffic.h \
	$(NULL)

if HAVE_CMOCKA
check_PROGRAMS += tests/bench/test-checkpoint
TESTS += tests/bench/test-checkpoint
endif
tests_bench_test_checkpoint_SOURCES = tests/bench/checkpoint.d/test-checkpoint.cc
tests_bench_test_checkpoint_CPPFLAGS = $(bench_cppflags)
tests_bench_test_checkpoint_LDFLAGS = $(bench_ldflags)
tests_bench_test_checkpoint_LDADD = $(bench_ldadd)

# Ratios within one run; nothing passes or fails. BENCH_QEMU: a QEMU with a
# colo-compare, as tests/bench/comparison.cc has it.
bench: tests/bench/checkpoint tests/bench/comparison tests/bench/frame_check \
    tests/bench/work $(model_names)
	tests/bench/checkpoint --json=bench.json $(BENCH_OPTIONS)
	$(srcdir)/tests/bench/table bench.json
	tests/bench/checkpoint --json=bench-packed.json --contents=text \
	    --sides=ours,lz4,auto --guests=1024 --pages=2000,20000 \
	    --identical=0,90 $(BENCH_OPTIONS)
	$(srcdir)/tests/bench/table --sides=ours,lz4 bench-packed.json
	$(srcdir)/tests/bench/table --sides=ours,auto bench-packed.json
	tests/bench/work
	$(srcdir)/tests/bench/dirty-list
	tests/bench/comparison $(BENCH_QEMU)
	tests/bench/frame_check

# The same of a network card's frames, as root; without BENCH_QEMU, Debian's
# QEMU, where it is installed.
bench-network: tests/bench/comparison tests/bench/network
	qemu="$(BENCH_QEMU)"; : $${qemu:=$$(command -v qemu-system-x86_64)}; \
	tests/bench/network $(BENCH_NETWORK_OPTIONS) \
	    $(srcdir)/tests/bench/network.d/tc-without $$qemu && \
	tests/bench/comparison $$qemu
