// HELLO and OFFER: what one side says arrives at the other, what makes no sense
// is refused, what does not fit is named; and the two sides with each other.
#include "session/opening.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "base/json.h"
#include "session/session_key.h"
#include "wire/stop_frame.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

Buffer bytes_of(const std::string& text)
{
    return Buffer(text.begin(), text.end());
}

HostFacts facts(const std::string& name)
{
    HostFacts facts;
    facts.name = name;
    facts.xen = {4, 17};
    facts.cpu_features = {0x178bfbff, 0xf6d83203};
    return facts;
}

Offer offer()
{
    Offer o;
    o.domain = "web1";
    o.configuration = "{\"c_info\": {}}";
    o.gfns = Pages{0xff000};
    o.memory_kib = 16384;
    o.timeout = 5s;
    o.interval = 250ms;
    o.verify = o.verify_disks = true;
    o.session = make_session_id();
    o.digest_key = make_digest_key();
    o.fence = "fence_ipmilan -o \"off\"";
    o.witness = "ssh gamma 'claim'";
    o.compression = Compression::automatic;
    o.output = Output::commit;
    o.disk_store = {DiskStore::Kind::file, "", Bytes{1 << 20}};
    o.without = {"f2", "back-channel"};
    return o;
}

void hello_arrives_as_it_was_sent(void**)
{
    const Hello sent = make_hello(facts("alpha"));
    const auto got = parse_hello(bytes_of(to_json(sent)));
    assert_true(bool(got));
    assert_text(got->host, "alpha");
    assert_text(got->version, sent.version);
    assert_true(got->xen == (XenVersion{4, 17}));
    assert_true(got->cpu_features == sent.cpu_features);
    assert_true(got->features.empty());
    assert_int_equal(got->max_frame, frame_body_max);
    assert_true(got->unpacks == sent.unpacks);
    assert_true(bool(check_peer(sent, *got)));
}

void offer_arrives_as_it_was_sent(void**)
{
    const Offer sent = offer();
    const auto got = parse_offer(bytes_of(to_json(sent)));
    assert_true(bool(got));
    assert_text(got->domain, sent.domain);
    assert_text(got->configuration, sent.configuration);
    assert_true(got->gfns == sent.gfns);
    assert_int_equal(got->memory_kib, sent.memory_kib);
    assert_true(got->timeout == sent.timeout);
    assert_true(got->interval == sent.interval);
    assert_true(got->verify && got->verify_disks);
    assert_text(got->digest_key, sent.digest_key);
    assert_text(got->session, sent.session);
    assert_text(got->fence, sent.fence);
    assert_text(got->witness, sent.witness);
    assert_true(got->compression == sent.compression);
    assert_true(got->output == sent.output);
    assert_true(got->disk_store == sent.disk_store);
    assert_true(got->without == sent.without);
}

void every_output_arrives(void**)
{
    for (const char* name : {"commit", "compare", "auto"}) {
        Offer sent = offer();
        sent.output = parse_output(name).value();
        const auto got = parse_offer(bytes_of(to_json(sent)));
        assert_text(to_string(got->output), name);
    }
}

struct Refusal {
    const char* name;
    void (*change)(Hello& primary, Hello& secondary);
    const char* why;  // nullptr: fits
};

void secondary_that_does_not_fit_is_refused(void**)
{
    const Refusal cases[] = {
        {"newer_xen", [](Hello&, Hello& s) { s.xen = {4, 20}; }, nullptr},
        {"older_xen", [](Hello&, Hello& s) { s.xen = {4, 16}; },
         "runs Xen 4.16, older than this host's 4.17: upgrade it first"},
        {"older_major", [](Hello& p, Hello&) { p.xen = {5, 0}; },
         "runs Xen 4.17, older than this host's 5.0"},
        {"more_cpu_features",
         [](Hello&, Hello& s) { s.cpu_features = {~0u, ~0u, 1}; }, nullptr},
        {"cpu_feature_missing",
         [](Hello&, Hello& s) { s.cpu_features[1] &= ~0x200u; },
         "lacks CPU features of this host: word 1 of hw_caps, bits "
         "0x00000200"},
        {"fewer_cpu_words",
         [](Hello&, Hello& s) { s.cpu_features.resize(1); },
         "word 1 of hw_caps, bits 0xf6d83203"},
        {"unknown_feature",
         [](Hello&, Hello& s) { s.features = {"telepathy"}; },
         "asks for feature \"telepathy\", which this xl-colo"},
        {"small_frames", [](Hello&, Hello& s) { s.max_frame = 4096; },
         "accepts frames of at most 4096 bytes"},
    };
    for (const Refusal& c : cases) {
        print_message("  %s\n", c.name);
        Hello primary = make_hello(facts("alpha"));
        Hello secondary = make_hello(facts("beta"));
        c.change(primary, secondary);
        const Status s = check_peer(primary, secondary);
        assert_int_equal(bool(s), !c.why);
        if (c.why) {
            assert_true(s.error().kind() == ErrorKind::refused);
            assert_contains(s.error().text(), c.why);
        }
    }
}

void compression_is_what_both_know(void**)
{
    Hello knows = make_hello(facts("beta"));
    Hello lacks = make_hello(facts("beta"));
    lacks.unpacks = {"zip"};
    for (const auto wanted :
         {Compression::none, Compression::lz4, Compression::automatic}) {
        assert_true(*agree_on(wanted, knows) == wanted);
    }
    assert_true(*agree_on(Compression::none, lacks) == Compression::none);
    assert_true(*agree_on(Compression::automatic, lacks) == Compression::none);
    const auto refused = agree_on(Compression::lz4, lacks);
    assert_true(refused.error().kind() == ErrorKind::refused);
    assert_contains(refused.error().text(), "does not unpack lz4: install");
}

// Another protocol may name its members otherwise: its number comes first.
void other_protocol_is_refused_by_its_number(void**)
{
    const auto hello = parse_hello(bytes_of("{\"protocol\": 2}"));
    assert_false(bool(hello));
    assert_true(hello.error().kind() == ErrorKind::refused);
    assert_contains(hello.error().text(),
                    "speaks version 2 of the protocol and this side version "
                    "1: install the same xl-colo on both hosts");
}

struct Nonsense {
    const char* key;
    const char* value;  // JSON; nullptr: left out
};

// The object with one member replaced.
std::string with(const std::string& json, const Nonsense& n)
{
    const std::string key = "\"" + std::string(n.key) + "\":";
    const size_t begin = json.find(key);
    size_t end = begin + key.size();
    int depth = 0;
    bool quoted = false;
    for (; depth > 0 || quoted || (json[end] != ',' && json[end] != '}');
         ++end) {
        const char c = json[end];
        quoted ^= c == '"' && json[end - 1] != '\\';
        depth += quoted ? 0 : (c == '[') - (c == ']');
    }
    if (n.value) {
        return json.substr(0, begin) + key + n.value + json.substr(end);
    }
    return json.substr(0, begin) + "\"x\":0" + json.substr(end);
}

void nonsense_in_hello_is_refused(void**)
{
    const std::string good = to_json(make_hello(facts("alpha")));
    for (const Nonsense& n : std::initializer_list<Nonsense>{
             {"protocol", nullptr}, {"protocol", "\"1\""},
             {"version", nullptr}, {"version", "7"}, {"host", "null"},
             {"xen", "\"4\""}, {"xen", "\"4.17.7\""}, {"xen", "\"-4.17\""},
             {"xen", "4.17"}, {"features", "{}"}, {"features", "[1]"},
             {"cpu-features", "[\"a\"]"}, {"cpu-features", "[-1]"},
             {"cpu-features", "[4294967296]"}, {"max-frame", "-1"},
             {"unpacks", "\"lz4\""}}) {
        print_message("  %s: %s\n", n.key, n.value ? n.value : "left out");
        assert_false(bool(parse_hello(bytes_of(with(good, n)))));
    }
    for (const char* text : {"", "[]", "{", "\xff\xff", "{} {}"}) {
        assert_false(bool(parse_hello(bytes_of(text))));
    }
}

void store_of_disks_is_a_word_or_a_device(void**)
{
    for (const DiskStore& store :
         {DiskStore{}, DiskStore{DiskStore::Kind::file, "", {}},
          DiskStore{DiskStore::Kind::device, "/dev/vg0/store", {}},
          DiskStore{DiskStore::Kind::device, "/dev/sdb", Bytes{2 << 20}}}) {
        Offer sent = offer();
        sent.disk_store = store;
        const auto got = parse_offer(bytes_of(to_json(sent)));
        assert_true(bool(got));
        assert_true(got->disk_store == store);
    }
}

// Of a disk's path, only that of one that both hosts have at the same.
void devices_arrive_but_for_where_a_replica_is(void**)
{
    DeviceFacts card{DeviceType::network_card, "00:16:3e:00:00:01"};
    card.used_by_pv_driver = true;
    card.card = {2, "tap7", "br0", "vif-bridge", true, true};
    DeviceFacts dvd{DeviceType::disk, "hdc"};
    dvd.disk.path = "/srv/dvd.iso";
    dvd.disk.elsewhere = true;
    DeviceFacts disk{DeviceType::disk, "xvda", true, true};
    disk.disk.path = "/dev/drbd7";
    disk.disk.resource = "r0";
    disk.disk.volume = 3;
    Offer sent = offer();
    sent.devices = {card, dvd, disk};
    const auto got = parse_offer(bytes_of(to_json(sent)));
    assert_true(bool(got));
    sent.devices[2].disk.path = "";
    assert_true(got->devices == sent.devices);
}

void nonsense_in_offer_is_refused(void**)
{
    const std::string good = to_json(offer());
    for (const Nonsense& n : std::initializer_list<Nonsense>{
             {"domain", "\"\""}, {"domain", "7"}, {"domain", nullptr},
             {"gfns", "0"}, {"gfns", "1099511627777"}, {"gfns", "-1"},
             {"gfns", "2101249"},  // more than 16 MiB and 8 GiB
             {"timeout-ms", "0"}, {"timeout-ms", "86400001"},
             {"interval-ms", "86400001"}, {"verify", "1"},
             {"verify", "false"},  // but disks
             {"verify-disks", nullptr}, {"verify-disks", "\"yes\""},
             {"session", nullptr}, {"session", "\"\""},
             {"session", "\"0123456789abcdef0123456789ABCDEF\""},
             {"session", "\"0123456789abcdef0123456789abcdef0\""},
             {"digest-key", "7"}, {"fence", "null"}, {"without", "\"f2\""},
             {"witness", "null"}, {"witness", nullptr},
             {"configuration", "{}"}, {"memory-kib", "1.5"},
             {"compression", "\"zip\""}, {"compression", "1"},
             {"output", "\"none\""}, {"disk-store", "\"tape\""},
             {"disk-store", "\"\""}, {"disk-store", "\"/etc/passwd\""},
             {"disk-store-bytes", "-1"},
             {"disk-store-bytes", "1099511627777"}}) {
        print_message("  %s: %s\n", n.key, n.value ? n.value : "left out");
        assert_false(bool(parse_offer(bytes_of(with(good, n)))));
    }
}

void each_session_has_an_id_of_its_own(void**)
{
    const std::string id = make_session_id();
    assert_int_equal(id.size(), 32);
    assert_true(is_session_id(id));
    assert_true(id != make_session_id());
    assert_false(is_session_id(id + "0"));
    assert_false(is_session_id("../" + id.substr(3)));
}

void digest_key_is_two_of_32_bytes(void**)
{
    const std::string key = make_digest_key();
    assert_int_equal(parse_digest_key(key)->verification.size(), 32);
    assert_int_equal(parse_digest_key(key)->contents.size(), 32);
    assert_true(key != make_digest_key());
    for (const std::string& bad :
         {std::string(), key.substr(1), key + "0", key.substr(2) + "0x",
          key.substr(2) + " 1", key.substr(2) + "g0"}) {
        assert_false(bool(parse_digest_key(bad)));
    }
}

// ---- over a link -----------------------------------------------------------

struct Ends {
    std::unique_ptr<Link> ours, theirs;
};

Ends connected()
{
    std::array<int, 2> ends{};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data());
    const auto make = [](int fd) {
        return std::make_unique<Link>(UniqueFd(fd), UniqueFd(dup(fd)), 10s);
    };
    return {make(ends[0]), make(ends[1])};
}

// What the primary makes of a secondary that does this.
Result<Hello> offered_to(const std::function<void(Link&)>& secondary)
{
    Ends ends = connected();
    std::jthread other([&] {
        secondary(*ends.theirs);
        ends.theirs.reset();
    });
    Offer o = offer();
    return open_as_primary(*ends.ours, facts("alpha"), o);
}

void both_sides_learn_what_the_other_is(void**)
{
    Ends ends = connected();
    std::optional<Result<Opened>> opened;
    std::jthread other([&] {
        opened = open_as_secondary(*ends.theirs, facts("beta"));
        if (*opened) {
            (void)accept(*ends.theirs, **opened);
        }
    });
    Offer o = offer();
    const auto peer = open_as_primary(*ends.ours, facts("alpha"), o);
    other.join();
    assert_text(peer->host, "beta");
    assert_text((*opened)->primary.host, "alpha");
    assert_text((*opened)->offer.domain, "web1");
}

// Before the OFFER: each side, whatever it would have said next.
void peer_that_leaves_is_heard_first(void**)
{
    const auto says = [](const char* why) {
        return [why](Link& link) { (void)send_stop(link, why); };
    };
    const auto refused = offered_to(says("no Xen\nhere"));
    assert_true(refused.error().kind() == ErrorKind::peer_stopped);
    assert_text(refused.error().text(), "the other host: no Xen here");

    Ends ends = connected();
    says("no such domain")(*ends.theirs);
    ends.theirs.reset();
    const auto called_off = open_as_secondary(*ends.ours, facts("beta"));
    assert_true(called_off.error().kind() == ErrorKind::peer_stopped);
    assert_text(called_off.error().text(), "no such domain");

    const auto silent = offered_to([](Link&) {});
    assert_true(silent.error().kind() == ErrorKind::peer_lost);

    const auto confused = offered_to([](Link& link) {
        (void)link.send(FrameType::ACCEPT);
    });
    assert_true(confused.error().kind() == ErrorKind::protocol);
    assert_contains(confused.error().text(), "expected HELLO");
}

void refusal_names_the_host_that_refuses(void**)
{
    const auto no_room = offered_to([](Link& link) {
        (void)open_as_secondary(link, facts("beta"));
        (void)send_stop(link, "not enough free memory");
    });
    assert_true(no_room.error().kind() == ErrorKind::refused);
    assert_text(no_room.error().text(), "beta: not enough free memory");

    const auto too_old = offered_to([](Link& link) {
        HostFacts old = facts("beta");
        old.xen = {4, 16};
        (void)open_as_secondary(link, old);
    });
    assert_true(too_old.error().kind() == ErrorKind::refused);
    assert_contains(too_old.error().text(), "beta: runs Xen 4.16");
}

using Change = std::function<void(std::string&)>;

// All that comes from `from`, to `to`, until it ends; OFFER, which is small and
// so comes whole, with a change.
void pass_on(int from, int to, const Change& change_offer)
{
    std::string bytes(65536, 0);
    for (ssize_t r; (r = read(from, bytes.data(), bytes.size())) > 0;) {
        std::string some = bytes.substr(0, static_cast<size_t>(r));
        if (some.find("\"session\":") != std::string::npos) {
            change_offer(some);
        }
        (void)!write(to, some.data(), some.size());
    }
    shutdown(to, SHUT_WR);
}

// What the secondary makes of the primary's first frame after an OFFER that the
// connection has changed.
Status first_frame_after(const Change& change_offer)
{
    std::array<int, 2> left{}, right{};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left.data());
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right.data());
    const UniqueFd at_primary(left[1]), at_secondary(right[1]);
    Link primary(UniqueFd(left[0]), UniqueFd(dup(left[0])), 10s);
    Link secondary(UniqueFd(right[0]), UniqueFd(dup(right[0])), 10s);
    std::jthread there([&] {
        pass_on(at_primary.get(), at_secondary.get(), change_offer);
    });
    std::jthread back([&] {
        pass_on(at_secondary.get(), at_primary.get(), change_offer);
    });
    Status first;
    std::jthread other([&] {
        auto opened = open_as_secondary(secondary, facts("beta"));
        (void)accept(secondary, *opened);
        auto frame = secondary.receive();
        first = frame ? Status() : Status(frame.error());
        secondary.close();
    });
    Offer o = offer();
    assert_true(bool(open_as_primary(primary, facts("alpha"), o)));
    (void)primary.send(FrameType::CHECKPOINT, {Buffer(8)});
    other.join();
    primary.close();
    return first;
}

void offer_that_changed_on_its_way_is_found(void**)
{
    assert_true(bool(first_frame_after([](std::string&) {})));
    // Two sides that ask the witness for two sessions both get a yes.
    const Status found = first_frame_after([](std::string& bytes) {
        char& digit = bytes[bytes.find("\"session\":") + 12];
        digit = digit == 'f' ? 'e' : 'f';
    });
    assert_true(found.error().kind() == ErrorKind::protocol);
    assert_contains(found.error().text(), "is not as it was sent");
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(60);
    const CMUnitTest tests[] = {
        cmocka_unit_test(hello_arrives_as_it_was_sent),
        cmocka_unit_test(offer_arrives_as_it_was_sent),
        cmocka_unit_test(every_output_arrives),
        cmocka_unit_test(secondary_that_does_not_fit_is_refused),
        cmocka_unit_test(compression_is_what_both_know),
        cmocka_unit_test(other_protocol_is_refused_by_its_number),
        cmocka_unit_test(nonsense_in_hello_is_refused),
        cmocka_unit_test(store_of_disks_is_a_word_or_a_device),
        cmocka_unit_test(devices_arrive_but_for_where_a_replica_is),
        cmocka_unit_test(nonsense_in_offer_is_refused),
        cmocka_unit_test(each_session_has_an_id_of_its_own),
        cmocka_unit_test(digest_key_is_two_of_32_bytes),
        cmocka_unit_test(both_sides_learn_what_the_other_is),
        cmocka_unit_test(peer_that_leaves_is_heard_first),
        cmocka_unit_test(refusal_names_the_host_that_refuses),
        cmocka_unit_test(offer_that_changed_on_its_way_is_found),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
