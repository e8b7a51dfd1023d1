// StreamToWire and StreamFromWire: the way of libxc's stream to the other host.
#include "relay/stream_from_wire.h"
#include "relay/stream_to_wire.h"

#include <csignal>
#include <functional>
#include <thread>

#include "check.h"
#include "fake_sender.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

constexpr Pages gfns{64};

Buffer page_data(std::initializer_list<uint64_t> pfns)
{
    PageDataWriter writer;
    for (const uint64_t pfn : pfns) {
        writer.add(Pfn{pfn}, Buffer(page_size, static_cast<uint8_t>(pfn)));
    }
    writer.add_absent(Pfn{63});
    return record_bytes(RecordType::PAGE_DATA, writer.take());
}

Buffer joined(const std::vector<Buffer>& pieces)
{
    Buffer all;
    for (const Buffer& piece : pieces) {
        all.insert(all.end(), piece.begin(), piece.end());
    }
    return all;
}

// A live copy with a page that is sent twice, then one checkpoint more.
const std::vector<Buffer> stream{
    stream_headers(),
    record_bytes(rec_static_data_end),
    page_data({1, 2, 3}),
    page_data({2, 9}),
    record_bytes(rec_hvm_context, Buffer(13, 7)),
    record_bytes(RecordType::CHECKPOINT),
    page_data({1, 40}),
    record_bytes(RecordType::CHECKPOINT),
};

bool is_pages(const Buffer& record)
{
    return record[0] == 1;
}

// A record of pages that are all to be sent goes without its own header.
Buffer frame_body(const Buffer& record)
{
    return Buffer(record.begin() + (is_pages(record) ? 8 : 0), record.end());
}

Status feed_record(StreamFromWire& feed, const Buffer& record)
{
    return is_pages(record) ? feed.pages(frame_body(record))
                            : feed.record(record);
}

// Writes in pieces of that size, and closes.
void write_pieces(UniqueFd fd, const Buffer& bytes, size_t piece)
{
    for (View rest = bytes; !rest.empty();) {
        const size_t step = std::min(piece, rest.size());
        if (!write_exact(fd.get(), rest.first(step))) {
            return;
        }
        rest = rest.subspan(step);
    }
}

void stream_becomes_frames(void**)
{
    for (const size_t piece : {1, 7, 4096, 1 << 20}) {
        FakeSender sender;
        std::vector<uint64_t> counts;
        ErrorKind after{};
        {
            StreamToWire relay(sender, gfns, std::nullopt);
            std::thread libxc(write_pieces, relay.take_io(), joined(stream),
                              piece);
            for (auto pages = relay.wait_checkpoint_sent(); pages;
                 pages = relay.wait_checkpoint_sent()) {
                counts.push_back(pages->pages.value());
            }
            after = relay.wait_checkpoint_sent().error().kind();
            libxc.join();
        }
        const auto frames = sender.wait_for(stream.size());
        assert_int_equal(frames.size(), stream.size());
        for (size_t i = 0; i < frames.size(); ++i) {
            assert_true(frames[i].type ==
                        (i == 0            ? FrameType::IMAGE
                         : is_pages(stream[i]) ? FrameType::PAGES
                                               : FrameType::RECORD));
            assert_true(frames[i].body == frame_body(stream[i]));
        }
        // 1 2 3 9 and the absent 63; then 1 40 63.
        assert_true(counts == std::vector<uint64_t>({5, 3}));
        assert_true(after == ErrorKind::io);
    }
}

// Two copies of a page, of which the second one is left out, but for the
// hypervisor's page; and of pages of zeros a mark.
void what_the_secondary_has_is_left_out(void**)
{
    FakeSender sender;
    SentPages live, checkpoint;
    {
        StreamToWire relay(sender, gfns, Elision{Buffer(32, 1)});
        relay.always_send({Pfn{9}});
        const UniqueFd io = relay.take_io();
        for (const Buffer& bytes : {stream_headers(), page_data({0, 1, 2, 9}),
                                    page_data({1, 2, 9}),
                                    record_bytes(RecordType::CHECKPOINT)}) {
            write_exact(io.get(), bytes);
        }
        live = relay.wait_checkpoint_sent().value();
        // B is {1, 3}: there the secondary's word counts.
        PageSet b(gfns);
        b.insert(Pfn{1});
        b.insert(Pfn{3});
        relay.known()->expect(b);
        write_exact(io.get(), page_data({0, 1, 2, 3}));
        write_exact(io.get(), record_bytes(RecordType::CHECKPOINT));
        ContentHash hash(Buffer(32, 1));
        for (const uint8_t contents : {7, 3}) {
            (void)relay.known()->add(hash(Buffer(page_size, contents)));
        }
        checkpoint = relay.wait_checkpoint_sent().value();
    }
    const auto frames = sender.frames();
    assert_int_equal(frames.size(), 6);
    const auto pages = [&](size_t i) {
        std::vector<uint64_t> entries;
        BodyReader body(frames[i].body);
        for (uint64_t left = body.u64().value(); left > 0; --left) {
            entries.push_back(body.u64().value());
        }
        return entries;
    };
    constexpr uint64_t absent = 63 | uint64_t{0xf} << 60;
    using Entries = std::vector<uint64_t>;
    assert_true(pages(1) == Entries({pages_zero_flag, 1, 2, 9, absent}));
    assert_int_equal(frames[1].body.size(), 48 + 3 * page_size);
    constexpr uint64_t kept = pages_kept_flag;
    assert_true(pages(2) == Entries({kept | 1, kept | 2, 9, absent}));
    // Page 3, in B, was seen there.
    assert_true(pages(4) == Entries({kept | 0, 1, kept | 2, absent}));
    assert_int_equal(frames[4].body.size(), 40 + page_size);
    assert_true(Buffer(frames[4].body.begin() + 40, frames[4].body.end()) ==
                Buffer(page_size, 1));
    assert_true(live.pages == Pages{5});
    assert_true(live.left_out == Pages{2});
    assert_true(live.zeros == Pages{1});
    assert_true(checkpoint.pages == Pages{5});
    assert_true(checkpoint.left_out == Pages{3});
    assert_true(checkpoint.zeros == Pages{0});
    // The record's header and what three pages and their entries take, but for
    // the two marks.
    assert_true(checkpoint.saved == Bytes{8 + 3 * (8 + page_size) - 2 * 8});
}

struct Outcome {
    std::string error;
    bool next_write_fails = false;
};

// What becomes of a libxc that writes this and goes on writing.
Outcome save(const Buffer& bytes, bool ends)
{
    FakeSender sender;
    Outcome outcome;
    StreamToWire relay(sender, gfns, std::nullopt);
    UniqueFd io = relay.take_io();
    write_exact(io.get(), bytes);
    if (ends) {
        io.reset();
    }
    outcome.error = relay.wait_checkpoint_sent().error().text();
    if (!ends) {
        const Buffer more(4096, 0);
        while (write_exact(io.get(), more)) {
        }
        outcome.next_write_fails = errno == EPIPE;
    }
    return outcome;
}

void stream_cut_at_every_byte_is_noticed(void**)
{
    const std::vector<Buffer> pieces{
        stream_headers(), record_bytes(rec_static_data_end),
        record_bytes(rec_hvm_context, Buffer(13, 7))};
    const Buffer all = joined(pieces);
    for (size_t size = 0; size < all.size(); ++size) {
        const Outcome outcome =
            save(Buffer(all.begin(), all.begin() + size), true);
        const bool between = size == 0 || size == 40 || size == 48;
        const char* why = between ? "libxc ended its stream"
                                  : "libxc's stream is cut off";
        assert_contains(outcome.error, why);
    }
}

void bad_stream_is_refused_and_libxc_stopped(void**)
{
    const struct {
        const char* name;
        Buffer bytes;
        const char* error;
    } cases[] = {
        {"no_stream", Buffer(40, 0),
         "saved stream at byte 0: the stream does not begin as one of "
         "libxc's"},
        {"record_too_long",
         joined({stream_headers(), {9, 0, 0, 0, 1, 0, 0, 8}}),
         "saved stream at byte 40: record 0x9 (HVM context): length 134217729 "
         "is over the limit of 134217728"},
        {"page_beyond_the_guest",
         joined({stream_headers(), record_bytes(rec_static_data_end),
                 page_data({64})}),
         "saved stream at byte 48: record 0x1 (Page data): pfn 0x40 is beyond "
         "the guest's 64 pages"},
        {"end_record",
         joined({stream_headers(), record_bytes(RecordType::END)}),
         "saved stream at byte 40: record 0x0 (End): does not belong into "
         "this stream"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        const Outcome outcome = save(c.bytes, false);
        assert_text(outcome.error, c.error);
        assert_true(outcome.next_write_fails);
    }
}

void broken_wire_stops_libxc(void**)
{
    FakeSender sender;
    sender.break_after(2);
    ErrorKind kind{};
    int why = 0;
    {
        StreamToWire relay(sender, gfns, std::nullopt);
        const UniqueFd io = relay.take_io();
        write_exact(io.get(), stream_headers());
        while (write_exact(io.get(), page_data({1}))) {
        }
        why = errno;
        kind = relay.wait_checkpoint_sent().error().kind();
    }
    assert_true(kind == ErrorKind::peer_lost);
    assert_int_equal(why, EPIPE);
    assert_int_equal(sender.frames().size(), 2);
}

// abort() while the relay's thread waits for libxc, while it is stuck in the
// wire with libxc behind it, and before anybody took the pipe.
void abort_ends_every_wait(void**)
{
    ErrorKind kind{};
    {
        FakeSender sender;
        StreamToWire relay(sender, gfns, std::nullopt);
        UniqueFd io = relay.take_io();
        std::thread waiter(
            [&] { kind = relay.wait_checkpoint_sent().error().kind(); });
        relay.abort();
        waiter.join();
    }
    assert_true(kind == ErrorKind::aborted);

    int why = 0;
    {
        FakeSender sender;
        sender.block_after(1);
        StreamToWire relay(sender, gfns, std::nullopt);
        std::thread libxc([&, io = relay.take_io()] {
            write_exact(io.get(), stream_headers());
            while (write_exact(io.get(), page_data({1}))) {
            }
            why = errno;
        });
        sender.wait_blocked();
        relay.abort();
        libxc.join();
        kind = relay.wait_checkpoint_sent().error().kind();
        sender.release();
    }
    assert_true(kind == ErrorKind::aborted);
    assert_int_equal(why, EPIPE);

    FakeSender sender;
    StreamToWire never_used(sender, gfns, std::nullopt);
}

// ---- the other end ---------------------------------------------------------

void feed_gives_libxc_the_same_stream(void**)
{
    Buffer got;
    bool all_taken = true;
    {
        StreamFromWire feed(gfns);
        std::thread libxc([&, io = feed.take_io()] {
            for (uint8_t byte; read_exact(io.get(), &byte, 1);) {
                got.push_back(byte);
            }
        });
        all_taken = static_cast<bool>(feed.image(stream[0]));
        for (size_t i = 1; i < stream.size(); ++i) {
            all_taken = all_taken && feed_record(feed, stream[i]);
            if (parse_record_header(stream[i])->type ==
                RecordType::CHECKPOINT) {
                feed.begin_checkpoint();
            }
        }
        feed.abort();
        libxc.join();
    }
    assert_true(all_taken);
    // What was written before the abort is still read.
    assert_true(got == joined(stream));
}

void feed_takes_frames_in_order_only(void**)
{
    StreamFromWire feed(gfns);
    const UniqueFd io = feed.take_io();
    const auto kind = [](const Status& s) { return s.error().kind(); };
    assert_true(kind(feed.record(stream[1])) == ErrorKind::protocol);
    assert_true(kind(feed.image(stream[1])) == ErrorKind::protocol);
    assert_true(kind(feed_record(feed, stream[2])) == ErrorKind::protocol);
    assert_true(static_cast<bool>(feed.image(stream[0])));
    assert_true(kind(feed.image(stream[0])) == ErrorKind::protocol);
    assert_true(static_cast<bool>(feed.record(stream[1])));
    assert_true(kind(feed_record(feed, page_data({64}))) ==
                ErrorKind::protocol);
    assert_true(kind(feed.record(page_data({1}))) == ErrorKind::protocol);
    // Nothing after a checkpoint's last record, until the next begins.
    const Buffer last = record_bytes(RecordType::CHECKPOINT);
    assert_true(static_cast<bool>(feed.record(last)));
    assert_true(kind(feed.record(last)) == ErrorKind::protocol);
    assert_true(kind(feed.record(stream[1])) == ErrorKind::protocol);
    assert_true(kind(feed_record(feed, page_data({1}))) ==
                ErrorKind::protocol);
    feed.begin_checkpoint();
    assert_true(static_cast<bool>(feed.record(stream[1])));
    // Of what was refused libxc has seen nothing.
    const Buffer taken = joined({stream[0], stream[1], last, stream[1]});
    Buffer got(taken.size());
    assert_true(read_exact(io.get(), got.data(), got.size()));
    assert_true(got == taken);
    feed.abort();
    assert_false(read_exact(io.get(), got.data(), 1));
}

void feed_blocked_by_a_busy_libxc_can_be_aborted(void**)
{
    Status last;
    bool end_of_file = false;
    {
        StreamFromWire feed(gfns);
        const UniqueFd io = feed.take_io();
        std::thread link([&] {
            last = feed.image(stream[0]);
            while (last) {
                last = feed_record(feed, page_data({1, 2, 3, 4}));
            }
        });
        // Once the first bytes are here the pipe fills up, or has already.
        Buffer bytes(40);
        read_exact(io.get(), bytes.data(), bytes.size());
        feed.abort();
        link.join();
        bytes.resize(2 << 20);
        end_of_file = !read_exact(io.get(), bytes.data(), bytes.size());
    }
    assert_true(last.error().kind() == ErrorKind::aborted);
    assert_true(end_of_file);
}

void feed_notices_that_libxc_is_gone(void**)
{
    StreamFromWire feed(gfns);
    feed.take_io().reset();
    const Status s = feed.image(stream[0]);
    assert_true(s.error().kind() == ErrorKind::io);
    assert_int_equal(s.error().code(), EPIPE);
}

void greatest_record_passes_from_end_to_end(void**)
{
    const Buffer record =
        record_bytes(RecordType{0x80000001}, Buffer(record_length_max, 3));
    FakeSender sender;
    std::vector<Frame> frames;
    bool same = false;
    {
        StreamToWire relay(sender, gfns, std::nullopt);
        std::thread libxc(write_pieces, relay.take_io(),
                          joined({stream_headers(), record}), record.size());
        frames = sender.wait_for(2);
        libxc.join();
        StreamFromWire feed(gfns);
        std::thread link([&] {
            if (feed.image(frames[0].body)) {
                (void)feed.record(frames[1].body);
            }
        });
        Buffer got(40 + record.size());
        const UniqueFd io = feed.take_io();
        same = read_exact(io.get(), got.data(), got.size()) &&
               std::equal(record.begin(), record.end(), got.begin() + 40);
        link.join();
    }
    assert_int_equal(frames.size(), 2);
    assert_true(same);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(600);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(stream_becomes_frames),
        cmocka_unit_test(what_the_secondary_has_is_left_out),
        cmocka_unit_test(stream_cut_at_every_byte_is_noticed),
        cmocka_unit_test(bad_stream_is_refused_and_libxc_stopped),
        cmocka_unit_test(broken_wire_stops_libxc),
        cmocka_unit_test(abort_ends_every_wait),
        cmocka_unit_test(feed_gives_libxc_the_same_stream),
        cmocka_unit_test(feed_takes_frames_in_order_only),
        cmocka_unit_test(feed_blocked_by_a_busy_libxc_can_be_aborted),
        cmocka_unit_test(feed_notices_that_libxc_is_gone),
        cmocka_unit_test(greatest_record_passes_from_end_to_end),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
