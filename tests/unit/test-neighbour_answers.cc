// What the copy is told of its neighbours.
#include "compare/neighbour_answers.h"

#include <algorithm>

#include "check.h"
#include "packets.h"

using namespace xl_colo;

namespace {

using Kind = NeighbourAnswers::Kind;

const Buffer guest{0, 0x16, 0x3e, 1, 2, 3}, router{2, 0, 0, 0, 0, 9},
    other{2, 0, 0, 0, 0, 8}, nobody(6), all(6, 0xff);
const Buffer guest_ip{10, 0, 0, 1}, router_ip{10, 0, 0, 254}, no_ip(4);

Buffer join(std::initializer_list<Buffer> parts)
{
    Buffer whole;
    for (const Buffer& part : parts) {
        append(whole, part);
    }
    return whole;
}

Buffer arp(uint8_t operation, const Buffer& from, const Buffer& from_ip,
           const Buffer& to, const Buffer& to_ip, const Buffer& tags = {})
{
    Buffer frame = join({Buffer(virtio_header_size), to == nobody ? all : to,
                         from, tags,
                         {8, 6, 0, 1, 8, 0, 6, 4, 0, operation},
                         from, from_ip, to, to_ip});
    frame.resize(virtio_header_size + 60 + tags.size());
    return frame;
}

Buffer ipv6_of(uint8_t last)
{
    Buffer address(16);
    address[0] = 0xfe;
    address[1] = 0x80;
    address[15] = last;
    return address;
}

Buffer nd(uint8_t type, uint8_t flags, const Buffer& from, const Buffer& to,
          const Buffer& target, const Buffer& option, const Buffer& tags = {})
{
    const Buffer message = join({{type, 0, 0, 0, flags, 0, 0, 0}, target,
                                 option});
    Buffer checked = message;
    uint32_t sum = 58 + static_cast<uint32_t>(message.size());
    for (const Buffer& address : {from, to}) {
        for (size_t i = 0; i < 16; i += 2) {
            sum += load_big<uint16_t>(&address[i]);
        }
    }
    const uint16_t checksum = plain_checksum(message, sum);
    checked[2] = static_cast<uint8_t>(checksum >> 8);
    checked[3] = static_cast<uint8_t>(checksum);
    const bool is_question = type == 135;
    return join({Buffer(virtio_header_size), is_question ? router : guest,
                 is_question ? guest : router, tags,
                 {0x86, 0xdd, 0x60, 0, 0, 0, 0,
                  static_cast<uint8_t>(message.size()), 58, 255},
                 from, to, checked});
}

Buffer target_option(const Buffer& mac)
{
    return join({{2, 1}, mac});
}

NeighbourAnswers that_know(const std::vector<Buffer>& frames, size_t most = 9)
{
    NeighbourAnswers answers(most);
    for (const Buffer& frame : frames) {
        answers.learn(TapFrame(frame));
    }
    return answers;
}

void an_answer_says_what_the_wire_said(void**)
{
    const auto answers =
        that_know({arp(2, router, router_ip, guest, guest_ip)});
    const Buffer question = arp(1, guest, guest_ip, nobody, router_ip);
    const auto reply = answers.reply(TapFrame(question));
    assert_true(reply.kind == Kind::answered);
    assert_true(reply.frame == arp(2, router, router_ip, guest, guest_ip));
}

void who_asks_is_known_as_well(void**)
{
    const auto answers =
        that_know({arp(1, other, router_ip, nobody, guest_ip)});
    const Buffer question = arp(1, guest, guest_ip, nobody, router_ip);
    const auto reply = answers.reply(TapFrame(question));
    assert_true(reply.frame == arp(2, other, router_ip, guest, guest_ip));
}

void the_latest_holds(void**)
{
    const auto answers =
        that_know({arp(2, router, router_ip, guest, guest_ip),
                   arp(2, other, router_ip, guest, guest_ip)});
    const Buffer question = arp(1, guest, guest_ip, nobody, router_ip);
    assert_true(answers.reply(TapFrame(question)).frame ==
                arp(2, other, router_ip, guest, guest_ip));
    assert_int_equal(answers.size(), 1);
}

void what_is_not_known_is_to_be_asked_on_the_wire(void**)
{
    const Buffer tag{0x81, 0, 0, 5};
    const auto answers =
        that_know({arp(2, router, router_ip, guest, guest_ip, tag)});
    const Buffer question = arp(1, guest, guest_ip, nobody, router_ip);
    assert_true(answers.reply(TapFrame(question)).kind == Kind::unknown);
    const Buffer tagged = arp(1, guest, guest_ip, nobody, router_ip, tag);
    const auto reply = answers.reply(TapFrame(tagged));
    assert_true(reply.frame == arp(2, router, router_ip, guest, guest_ip, tag));
    const Buffer solicitation = nd(135, 0, ipv6_of(1), ipv6_of(9), ipv6_of(9),
                                   join({{1, 1}, guest}));
    assert_true(answers.reply(TapFrame(solicitation)).kind == Kind::unknown);
}

void advertisements_are_answers_too(void**)
{
    const Buffer tag{0x81, 0, 0, 5};
    for (const uint8_t flag : {0x80, 0}) {
        for (const Buffer& tags : {Buffer{}, tag}) {
            // As it came, unasked for.
            const auto answers = that_know(
                {nd(136, flag, ipv6_of(9), ipv6_of(1), ipv6_of(9),
                    target_option(router), tags)});
            const Buffer question =
                nd(135, 0, ipv6_of(1), ipv6_of(9), ipv6_of(9),
                   join({{1, 1}, guest}), tags);
            const auto reply = answers.reply(TapFrame(question));
            assert_true(reply.kind == Kind::answered);
            assert_true(reply.frame ==
                        nd(136, flag | 0x60, ipv6_of(9), ipv6_of(1),
                           ipv6_of(9), target_option(router), tags));
        }
    }
}

void probes_and_announcements_get_no_answer(void**)
{
    const auto answers = that_know(
        {arp(2, router, router_ip, guest, guest_ip),
         arp(2, other, guest_ip, guest, guest_ip),
         nd(136, 0, ipv6_of(9), ipv6_of(1), ipv6_of(9),
            target_option(router))});
    const Buffer frames[] = {
        arp(1, guest, no_ip, nobody, router_ip),    // RFC 5227
        arp(1, guest, guest_ip, nobody, guest_ip),  // it has moved
        arp(2, guest, guest_ip, router, router_ip),
        nd(135, 0, Buffer(16), ipv6_of(9), ipv6_of(9), {}),  // RFC 4862
        nd(136, 0x60, ipv6_of(1), ipv6_of(9), ipv6_of(1), {}),
        udp_frame(bytes_of("x")),
    };
    for (const Buffer& frame : frames) {
        assert_true(answers.reply(TapFrame(frame)).kind == Kind::no_question);
    }
}

void nonsense_is_not_learned(void**)
{
    Buffer cut = arp(2, router, router_ip, guest, guest_ip);
    cut.resize(virtio_header_size + 30);
    const auto answers = that_know(
        {cut, arp(2, all, router_ip, guest, guest_ip),
         arp(2, nobody, router_ip, guest, guest_ip),
         arp(1, router, no_ip, nobody, router_ip), udp_frame(bytes_of("x")),
         nd(136, 0, ipv6_of(9), ipv6_of(1), ipv6_of(9), {}),
         nd(135, 0, ipv6_of(9), ipv6_of(1), ipv6_of(1),
            join({{1, 1}, router}))});
    assert_int_equal(answers.size(), 0);
}

void the_oldest_are_forgotten_for_new_ones(void**)
{
    std::vector<Buffer> frames;
    for (uint8_t i = 1; i <= 5; ++i) {
        frames.push_back(arp(2, router, {10, 0, 1, i}, guest, guest_ip));
    }
    const auto answers = that_know(frames, 3);
    assert_int_equal(answers.size(), 3);
    for (uint8_t i = 1; i <= 5; ++i) {
        const Buffer question = arp(1, guest, guest_ip, nobody, {10, 0, 1, i});
        assert_true(answers.reply(TapFrame(question)).kind ==
                    (i <= 2 ? Kind::unknown : Kind::answered));
    }
}

void what_is_forgotten_is_to_be_asked_and_learned_again(void**)
{
    const Buffer told = arp(2, router, router_ip, guest, guest_ip);
    const Buffer question = arp(1, guest, guest_ip, nobody, router_ip);
    auto answers = that_know({told}, 1);
    answers.forget();
    assert_int_equal(answers.size(), 0);
    assert_true(answers.reply(TapFrame(question)).kind == Kind::unknown);
    answers.learn(TapFrame(told));
    answers.learn(TapFrame(told));
    assert_int_equal(answers.size(), 1);
    assert_true(answers.reply(TapFrame(question)).kind == Kind::answered);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_says_what_the_wire_said),
        cmocka_unit_test(who_asks_is_known_as_well),
        cmocka_unit_test(the_latest_holds),
        cmocka_unit_test(what_is_not_known_is_to_be_asked_on_the_wire),
        cmocka_unit_test(advertisements_are_answers_too),
        cmocka_unit_test(probes_and_announcements_get_no_answer),
        cmocka_unit_test(nonsense_is_not_learned),
        cmocka_unit_test(the_oldest_are_forgotten_for_new_ones),
        cmocka_unit_test(
            what_is_forgotten_is_to_be_asked_and_learned_again),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
