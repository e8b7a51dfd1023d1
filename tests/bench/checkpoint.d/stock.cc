#include "stock.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace xl_colo::bench {

namespace {

// A CHECKPOINT_STATE record of libxl's stream: header, id, padding.
enum class Word : uint64_t { next, suspended, ready, resumed, device_state };
struct Message {
    Word word;
    uint64_t value;
};

class Wire {
public:
    explicit Wire(int connection) : fd_(connection) {}

    UniqueFd once_more() const
    {
        return UniqueFd(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    }
    bool say(Word word, View body = {}) const
    {
        Message message{word, body.size()};
        const std::array<iovec, 2> pieces{
            iovec{&message, sizeof message},
            iovec{const_cast<uint8_t*>(body.data()), body.size()}};
        // Small: it is taken whole.
        return writev(fd_, pieces.data(), body.empty() ? 1 : 2) ==
               static_cast<ssize_t>(sizeof message + body.size());
    }
    bool hear(Word word, Buffer* body = nullptr) const
    {
        Message message{};
        if (!read_all(&message, sizeof message) || message.word != word) {
            return false;
        }
        if (body) {
            body->resize(message.value);
            return read_all(body->data(), body->size());
        }
        return message.value == 0;
    }

private:
    bool read_all(void* to, size_t size) const
    {
        auto* at = static_cast<uint8_t*>(to);
        while (size > 0) {
            const ssize_t r = read(fd_, at, size);
            if (r <= 0) {
                return false;
            }
            at += r;
            size -= static_cast<size_t>(r);
        }
        return true;
    }

    const int fd_;
};

class StockPrimary : public SaveCallbacks {
public:
    StockPrimary(Domain& domain, Wire wire, uint64_t checkpoints)
        : domain_(domain), wire_(wire), left_(checkpoints)
    {
    }

    bool device_model_log_dirty(bool on) override
    {
        return !on || domain_.start_device_model_log_dirty();
    }
    bool suspend() override
    {
        return domain_.suspend() && (first_ || wire_.hear(Word::suspended));
    }
    bool checkpoint() override
    {
        const auto state = domain_.device_state();
        return state && wire_.say(Word::device_state, *state);
    }
    bool postcopy() override
    {
        first_ = false;
        return wire_.hear(Word::ready) && domain_.resume() &&
               wire_.hear(Word::resumed);
    }
    bool wait_checkpoint() override
    {
        return left_-- > 0 && wire_.say(Word::next);
    }

private:
    Domain& domain_;
    const Wire wire_;
    uint64_t left_;
    bool first_ = true;
};

class StockSecondary : public RestoreCallbacks {
public:
    StockSecondary(Incoming& incoming, Wire wire)
        : incoming_(incoming), wire_(wire)
    {
    }

    RestoreAnswer checkpoint() override
    {
        return answer(
            wire_.hear(Word::device_state, &device_state_) &&
            (domain_ || incoming_.give_device_state(device_state_)));
    }
    void restore_results(Pfn store, Pfn console) override
    {
        if (!domain_) {
            (void)incoming_.memory_restored(store, console);
        }
    }
    RestoreAnswer postcopy() override
    {
        return answer(domain_ ? resume() : start());
    }
    RestoreAnswer wait_checkpoint() override
    {
        return answer(wire_.hear(Word::next));
    }
    RestoreAnswer suspend() override
    {
        return answer(domain_->suspend_copy() && wire_.say(Word::suspended));
    }

private:
    static RestoreAnswer answer(bool good)
    {
        return good ? RestoreAnswer::go_on : RestoreAnswer::fail;
    }
    bool start()
    {
        auto domain = incoming_.wait_built();
        if (!domain) {
            return false;
        }
        domain_ = std::move(*domain);
        return domain_->set_log_dirty(true) &&
               domain_->start_device_model_log_dirty() &&
               wire_.say(Word::ready) && domain_->unpause() &&
               wire_.say(Word::resumed);
    }
    bool resume()
    {
        return domain_->load_device_state(device_state_) &&
               wire_.say(Word::ready) && domain_->resume() &&
               wire_.say(Word::resumed);
    }

    Incoming& incoming_;
    const Wire wire_;
    Buffer device_state_;
    std::unique_ptr<Domain> domain_;
};

}  // namespace

Status run_stock_primary(Domain& domain, PageMover& mover, int connection,
                         uint64_t checkpoints)
{
    const Wire wire(connection);
    StockPrimary primary(domain, wire, checkpoints);
    return mover.save(domain.domid(), wire.once_more(), wire.once_more(),
                      primary);
}

Status run_stock_secondary(Host& host, int connection, Pages gfns)
{
    auto incoming = host.receive("", "", {}, {});
    if (!incoming) {
        return incoming.error();
    }
    const Wire wire(connection);
    StockSecondary secondary(**incoming, wire);
    return host.page_mover()->restore(**incoming, wire.once_more(),
                                      wire.once_more(), gfns, true, secondary);
}

}  // namespace xl_colo::bench
