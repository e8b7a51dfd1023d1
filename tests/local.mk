# make check: unit tests over fakes, seconds, no Xen.
# make check-nested, check-patches, check-sanitized, bench: see README.md.

# The pretend Xen that the sessions are tested over.
check_LIBRARIES += libfakes.a
libfakes_a_SOURCES = \
	tests/fakes/command_bed.cc \
	tests/fakes/command_bed.h \
	tests/fakes/command_host.cc \
	tests/fakes/command_host.h \
	tests/fakes/domain_table.cc \
	tests/fakes/domain_table.h \
	tests/fakes/fake_device_mapper.h \
	tests/fakes/fake_domain.cc \
	tests/fakes/fake_domain.h \
	tests/fakes/fake_guest.cc \
	tests/fakes/fake_guest.h \
	tests/fakes/fake_host.cc \
	tests/fakes/fake_host.h \
	tests/fakes/fake_incoming.cc \
	tests/fakes/fake_incoming.h \
	tests/fakes/fake_log.h \
	tests/fakes/fake_page_mover.h \
	tests/fakes/fake_restore.cc \
	tests/fakes/fake_save.cc \
	tests/fakes/fake_sender.cc \
	tests/fakes/fake_sender.h \
	tests/fakes/fake_stream.cc \
	tests/fakes/fake_stream.h \
	tests/fakes/fake_wire.cc \
	tests/fakes/fake_wire.h \
	tests/fakes/faults.cc \
	tests/fakes/faults.h \
	tests/fakes/parallel.h \
	tests/fakes/session_pair.cc \
	tests/fakes/session_pair.h \
	tests/fakes/session_rules.cc \
	tests/fakes/session_rules.h \
	tests/fakes/slowed.h \
	tests/fakes/test_device.h \
	$(NULL)

# Each is one program, tests/unit/test-<module>.cc, linked with all that the
# program itself is made of.
unit_tests = \
	tests/unit/test-back_channel \
	tests/unit/test-aftermath \
	tests/unit/test-announcement \
	tests/unit/test-background \
	tests/unit/test-callout \
	tests/unit/test-card_watchdog \
	tests/unit/test-caretaker \
	tests/unit/test-child_process \
	tests/unit/test-commands \
	tests/unit/test-commands-died \
	tests/unit/test-commands-signals \
	tests/unit/test-commands-start \
	tests/unit/test-commands-witness \
	tests/unit/test-compared_card \
	tests/unit/test-compared_output \
	tests/unit/test-comparison \
	tests/unit/test-compat \
	tests/unit/test-config_file \
	tests/unit/test-control_server \
	tests/unit/test-descriptors \
	tests/unit/test-device_mapper \
	tests/unit/test-device_store \
	tests/unit/test-device_set \
	tests/unit/test-device_state \
	tests/unit/test-dirty_list_from_wire \
	tests/unit/test-dirty_list_to_wire \
	tests/unit/test-dirty_set_frame \
	tests/unit/test-eligibility \
	tests/unit/test-drbd \
	tests/unit/test-event_queue \
	tests/unit/test-fencing \
	tests/unit/test-figures_frame \
	tests/unit/test-frame \
	tests/unit/test-frame_check \
	tests/unit/test-frame_pump \
	tests/unit/test-frame_router \
	tests/unit/test-gate \
	tests/unit/test-guest_library \
	tests/unit/test-held_frames \
	tests/unit/test-hold_times \
	tests/unit/test-json \
	tests/unit/test-keeper \
	tests/unit/test-kept_disk \
	tests/unit/test-keyed_hash \
	tests/unit/test-libxl_stream \
	tests/unit/test-link \
	tests/unit/test-logger \
	tests/unit/test-message_log \
	tests/unit/test-migration_stream \
	tests/unit/test-neighbour \
	tests/unit/test-neighbour_answers \
	tests/unit/test-network_card \
	tests/unit/test-opening \
	tests/unit/test-options \
	tests/unit/test-output_choice \
	tests/unit/test-packer \
	tests/unit/test-packet \
	tests/unit/test-page_difference \
	tests/unit/test-page_set \
	tests/unit/test-page_sifter \
	tests/unit/test-pages_frame \
	tests/unit/test-pause \
	tests/unit/test-primary_end \
	tests/unit/test-qmp \
	tests/unit/test-replica \
	tests/unit/test-replicated_disk \
	tests/unit/test-requests \
	tests/unit/test-sequence_map \
	tests/unit/test-session-auto \
	tests/unit/test-session-commit \
	tests/unit/test-session-copy \
	tests/unit/test-session-devices \
	tests/unit/test-session-faults \
	tests/unit/test-session-requests \
	tests/unit/test-session-wire \
	tests/unit/test-session-witness \
	tests/unit/test-status \
	tests/unit/test-store_ring \
	tests/unit/test-stream_to_wire \
	tests/unit/test-suspend_request \
	tests/unit/test-takeover \
	tests/unit/test-text \
	tests/unit/test-transport \
	tests/unit/test-verify_disks \
	tests/unit/test-vmstate_file \
	tests/unit/test-vmstate_qemu_img \
	$(NULL)

unit_test_parts = \
	tests/unit/check.h \
	tests/unit/commands.h \
	tests/unit/comparison_bed.h \
	tests/unit/dirty_lists.h \
	tests/unit/fake_qmp.h \
	tests/unit/golden/callout-messages.txt \
	tests/unit/golden/help-start.txt \
	tests/unit/golden/libxl-stream.txt \
	tests/unit/golden/status-detail.txt \
	tests/unit/golden/status-table.txt \
	tests/unit/golden/status.json \
	tests/unit/golden/status.openmetrics \
	tests/unit/golden/vmstate-file.txt \
	tests/unit/hex.h \
	tests/unit/network_bed.h \
	tests/unit/tap_wire.h \
	tests/unit/packets.h \
	$(NULL)

AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; export srcdir; \
	XL_COLO_SAVE_HELPER='$(abs_builddir)/save-helper'; \
	export XL_COLO_SAVE_HELPER; \
	$(NULL)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
check_scripts = \
	tests/check-layers \
	tests/check-layers-finds \
	tests/dist \
	tests/lint \
	tests/man-pages \
	tests/metrics \
	tests/pacemaker-agent \
	tests/units \
	tests/witness-claims \
	$(NULL)
TESTS += $(check_scripts)

EXTRA_DIST += \
	$(check_scripts) \
	tests/layers \
	tests/packages \
	$(unit_test_parts) \
	$(unit_tests:=.cc) \
	$(NULL)

LDADD = \
	libfakes.a \
	libcolo.a \
	libglue.a \
	libbase.a \
	$(CMOCKA_LIBS) \
	$(CRYPTO_LIBS) \
	$(DEVMAPPER_LIBS) \
	$(LZ4_LIBS) \
	$(XEN_LIBS) \
	$(XXHASH_LIBS) \
	$(YAJL_LIBS) \
	$(NULL)

# Long tests: minutes each, in the build folder, the nested ones as root.
# TESTS_NESTED=..., TESTS_PATCHES=... and TESTS_SANITIZED=... may name just some
# of them.
# Those that no other one nearly stands for, and none that builds the program once
# more, for another release, or Debian's Xen; check-nested-all runs the rest as
# well.
TESTS_NESTED = \
	$(srcdir)/tests/nested/test-checkpoints.sh \
	$(srcdir)/tests/nested/test-disk-commit.sh \
	$(srcdir)/tests/nested/test-disk-compare.sh \
	$(srcdir)/tests/nested/test-edges.sh \
	$(srcdir)/tests/nested/test-end-in-order.sh \
	$(srcdir)/tests/nested/test-host-returns.sh \
	$(srcdir)/tests/nested/test-pv-drivers.sh \
	$(srcdir)/tests/nested/test-refused.sh \
	$(srcdir)/tests/nested/test-ssh.sh \
	$(srcdir)/tests/nested/test-witness.sh \
	$(NULL)
TESTS_PATCHES = \
	'$(srcdir)/tests/patches/check-debian 4.17' \
	'$(srcdir)/tests/patches/check-debian 4.20' \
	'$(srcdir)/tests/patches/cross-build arm64' \
	'$(srcdir)/tests/patches/debian-source 4.17' \
	$(NULL)
TESTS_SANITIZED = \
	'$(srcdir)/tests/sanitize address,undefined' \
	'$(srcdir)/tests/sanitize thread' \
	$(NULL)
long_test_environment = \
	XL_COLO_BUILD='$(abs_builddir)' \
	XL_COLO_TESTBED_DIR='$(abs_builddir)/testbed' \
	$(NULL)

check-nested: all
	$(long_test_environment) $(srcdir)/tests/run-each check-nested.logs \
	    $(TESTS_NESTED)

# So many rounds, chosen by the seed, on so many guests at a time.
ROUNDS = 20
SEED = 1
LANES = 4
check-nested-campaign: all
	$(long_test_environment) TEST_DEADLINE=$$(($(ROUNDS) * 300 + 900)) \
	    $(srcdir)/tests/run-each check-nested-campaign.logs \
	    '$(srcdir)/tests/nested/campaign.sh $(ROUNDS) $(SEED) $(LANES)'

check-nested-all: all
	$(long_test_environment) $(srcdir)/tests/run-each check-nested-all.logs \
	    $(srcdir)/tests/nested/test-*.sh

check-patches:
	$(long_test_environment) $(srcdir)/tests/run-each check-patches.logs \
	    $(TESTS_PATCHES)

check-packages:
	$(long_test_environment) $(srcdir)/tests/run-each check-packages.logs \
	    '$(srcdir)/tests/packages deb' \
	    '$(srcdir)/tests/packages deb trixie' \
	    '$(srcdir)/tests/packages autopkgtest' \
	    '$(srcdir)/tests/packages rpm'

check-sanitized:
	$(long_test_environment) $(srcdir)/tests/run-each check-sanitized.logs \
	    $(TESTS_SANITIZED)

# Ratios within one run, as bench's: of disks, and of servers.
bench-disk: all
	$(long_test_environment) $(srcdir)/tests/nested/bench-disk.sh
	$(long_test_environment) $(srcdir)/tests/nested/bench-kept.sh
bench-server: all
	$(long_test_environment) $(srcdir)/tests/nested/bench-server.sh

demo: all
	$(long_test_environment) $(srcdir)/tests/nested/demo.sh

.PHONY: \
	bench \
	bench-disk \
	bench-network \
	bench-server \
	check-nested \
	check-nested-all \
	check-nested-campaign \
	check-packages \
	check-patches \
	check-sanitized \
	demo \
	$(NULL)
