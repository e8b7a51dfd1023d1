# make check replays the corpus; README.md has the long runs.

fuzz_harnesses = \
	tests/fuzz/fuzz-card_message \
	tests/fuzz/fuzz-comparison \
	tests/fuzz/fuzz-dirty_set \
	tests/fuzz/fuzz-frame \
	tests/fuzz/fuzz-neighbour \
	tests/fuzz/fuzz-neighbour_answers \
	tests/fuzz/fuzz-packed \
	tests/fuzz/fuzz-packet \
	tests/fuzz/fuzz-pages \
	tests/fuzz/fuzz-record \
	tests/fuzz/fuzz-sequence_map \
	$(NULL)
check_PROGRAMS += $(fuzz_harnesses)
TESTS += tests/fuzz/replay-corpus
EXTRA_DIST += \
	tests/fuzz/README.md \
	tests/fuzz/corpus \
	tests/fuzz/replay-corpus \
	$(NULL)

# libFuzzer calls a function that no header declares.
fuzz_cxxflags = \
	$(AM_CXXFLAGS) \
	-Wno-missing-declarations \
	$(NULL)

tests_fuzz_fuzz_card_message_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_card_message_SOURCES = \
	tests/fuzz/fuzz-card_message.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_comparison_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_comparison_SOURCES = \
	tests/fuzz/fuzz-comparison.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_dirty_set_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_dirty_set_SOURCES = \
	tests/fuzz/fuzz-dirty_set.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_frame_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_frame_SOURCES = \
	tests/fuzz/fuzz-frame.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_neighbour_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_neighbour_SOURCES = \
	tests/fuzz/fuzz-neighbour.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_neighbour_answers_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_neighbour_answers_SOURCES = \
	tests/fuzz/fuzz-neighbour_answers.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_packed_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_packed_SOURCES = \
	tests/fuzz/fuzz-packed.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_packet_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_packet_SOURCES = \
	tests/fuzz/fuzz-packet.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_pages_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_pages_SOURCES = \
	tests/fuzz/fuzz-pages.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_record_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_record_SOURCES = \
	tests/fuzz/fuzz-record.cc \
	tests/fuzz/replay.cc \
	$(NULL)
tests_fuzz_fuzz_sequence_map_CXXFLAGS = $(fuzz_cxxflags)
tests_fuzz_fuzz_sequence_map_SOURCES = \
	tests/fuzz/fuzz-sequence_map.cc \
	tests/fuzz/replay.cc \
	$(NULL)
