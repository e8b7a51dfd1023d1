#include "qemu/device_state.h"

#include <sys/stat.h>

#include <atomic>
#include <fstream>

#include "base/domain_files.h"
#include "qemu/temporary_file.h"

#include "check.h"
#include "fake_qmp.h"

using namespace xl_colo;
using Client = FakeQmp::Client;

namespace {

const Buffer state{'Q', 'E', 'V', 'M', 0, 0, 0, 3};

// What came of one call, and what the device model saw of it.
struct Outcome {
    std::string text;                 // "ok", or the error
    std::vector<std::string> names;   // of the commands
    std::vector<std::string> lines;
    std::string file;                 // what the file named first held
    unsigned mode = 0;
    size_t left_behind = 0;           // files in the folder
};

// The value of "filename" in a command.
std::string filename_in(const std::string& line)
{
    const std::string key = "\"filename\":\"";
    const auto at = line.find(key);
    if (at == std::string::npos) {
        return {};
    }
    const auto begin = at + key.size();
    return line.substr(begin, line.find('"', begin) - begin);
}

// Answers every command by `answer`, which returns whether it did; otherwise it
// succeeds.
using Answer = std::function<bool(Client&, const Client::Command&)>;
using Call = std::function<Status(Qmp&, const std::string& folder)>;

Outcome outcome_of(const Call& call, const Answer& answer)
{
    ScratchFolder folder;
    Outcome outcome;
    {
        FakeQmp server(folder.path() + "/qmp", {[&](Client& client) {
            client.negotiate();
            while (auto command = client.next()) {
                outcome.names.push_back(command->name);
                outcome.lines.push_back(command->line);
                const auto path = filename_in(command->line);
                struct stat found;
                if (!path.empty() && stat(path.c_str(), &found) == 0) {
                    std::ifstream in(path, std::ios::binary);
                    outcome.file.assign(std::istreambuf_iterator<char>(in), {});
                    outcome.mode = found.st_mode & 0777;
                }
                if (!answer(client, *command)) {
                    client.succeed(*command);
                }
            }
        }});
        auto qmp = Qmp::connect(folder.path() + "/qmp");
        const auto r = call(**qmp, folder.path());
        outcome.text = r ? "ok" : r.error().text();
    }
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder.path())) {
        outcome.left_behind++;
    }
    outcome.left_behind--;  // the socket
    return outcome;
}

Status by_snapshot(Qmp& qmp, const std::string& folder)
{
    return load_device_state_by_snapshot(qmp, state, folder);
}

void job_is(Client& client, const char* id, const char* status)
{
    client.event("JOB_STATUS_CHANGE", std::string("{\"status\": \"") + status +
                                          "\", \"id\": \"" + id + "\"}");
}

// A device model that does as QEMU 7.2 does; its job ends with `error`.
Answer qemu_with_job(const std::string& error = "")
{
    return [=](Client& client, const Client::Command& command) {
        if (command.name == "snapshot-load") {
            job_is(client, "xl-colo-load", "created");
            job_is(client, "xl-colo-load", "running");
            client.succeed(command);
            job_is(client, "xl-colo-load", "concluded");
            return true;
        }
        if (command.name == "query-jobs") {
            client.succeed(
                command,
                "[{\"id\": \"other\", \"error\": \"not ours\"}, "
                "{\"id\": \"xl-colo-load\", \"status\": \"concluded\"" +
                    (error.empty() ? "" : ", \"error\": \"" + error + "\"") +
                    "}]");
            return true;
        }
        return false;
    };
}

const std::vector<std::string> whole_load{
    "blockdev-add", "snapshot-load", "query-jobs", "job-dismiss",
    "blockdev-del",
};

}  // namespace

static void a_state_is_loaded_as_a_snapshot(void**)
{
    const auto outcome = outcome_of(by_snapshot, qemu_with_job());
    assert_text(outcome.text, "ok");
    assert_true(outcome.names == whole_load);
    assert_contains(outcome.lines[0], "\"driver\":\"qcow2\"");
    assert_contains(outcome.lines[0], "\"node-name\":\"xl-colo-vmstate\"");
    assert_contains(outcome.lines[1], "\"devices\":[\"xl-colo-vmstate\"]");
    assert_contains(outcome.lines[1], "\"vmstate\":\"xl-colo-vmstate\"");
    assert_text(outcome.file.substr(0, 4), "QFI\xfb");
    assert_contains(outcome.file, "QEVM");
    assert_int_equal(outcome.mode, 0600);
    assert_int_equal(outcome.left_behind, 0);
}

static void the_jobs_end_may_come_before_the_answer(void**)
{
    const auto outcome = outcome_of(
        by_snapshot, [](Client& client, const Client::Command& command) {
            if (command.name != "snapshot-load") {
                return qemu_with_job()(client, command);
            }
            job_is(client, "other", "concluded");
            job_is(client, "xl-colo-load", "concluded");
            client.succeed(command);
            return true;
        });
    assert_text(outcome.text, "ok");
    assert_true(outcome.names == whole_load);
}

static void a_failed_job_is_cleared_away(void**)
{
    const auto outcome = outcome_of(
        by_snapshot, qemu_with_job("Missing section footer for rtc"));
    assert_text(outcome.text,
                "device model cannot load: Missing section footer for rtc");
    assert_true(outcome.names == whole_load);
    assert_int_equal(outcome.left_behind, 0);
}

static void a_refused_step_undoes_those_before_it(void**)
{
    const struct {
        const char* command;
        std::vector<std::string> names;
    } cases[] = {
        {"blockdev-add", {"blockdev-add"}},
        {"snapshot-load", {"blockdev-add", "snapshot-load", "blockdev-del"}},
        {"query-jobs",
         {"blockdev-add", "snapshot-load", "query-jobs", "blockdev-del"}},
        {"job-dismiss", whole_load},
        {"blockdev-del", whole_load},
    };
    for (const auto& c : cases) {
        const auto outcome = outcome_of(
            by_snapshot, [&](Client& client, const Client::Command& command) {
                if (command.name == c.command) {
                    client.refuse(command, "no");
                    return true;
                }
                return qemu_with_job()(client, command);
            });
        assert_text(outcome.text,
                    std::string("device model refuses ") + c.command + ": no");
        assert_true(outcome.names == c.names);
        assert_int_equal(outcome.left_behind, 0);
    }
}

static void a_state_is_loaded_directly(void**)
{
    const auto outcome = outcome_of(
        [](Qmp& qmp, const std::string& folder) {
            return load_device_state_directly(qmp, state, folder);
        },
        [](Client&, const Client::Command&) { return false; });
    assert_text(outcome.text, "ok");
    assert_true(outcome.names ==
                std::vector<std::string>{"xen-load-devices-state"});
    assert_true(outcome.file == std::string(state.begin(), state.end()));
    assert_int_equal(outcome.mode, 0600);
    assert_int_equal(outcome.left_behind, 0);
}

// F4: what the abort of QEMU looks like from here.
static void a_device_model_that_dies_is_an_error(void**)
{
    ScratchFolder folder;
    std::string text;
    {
        FakeQmp server(folder.path() + "/qmp", {[](Client& client) {
                           client.negotiate();
                           client.next();
                       }});
        auto qmp = Qmp::connect(folder.path() + "/qmp");
        auto r = load_device_state_directly(**qmp, state, folder.path());
        text = r ? "ok" : r.error().text();
    }
    assert_contains(text, "xen-load-devices-state: ");
}

static void the_version_decides_the_way(void**)
{
    assert_false(needs_snapshot_way({4, 2}));
    assert_false(needs_snapshot_way({5, 2}));
    assert_true(needs_snapshot_way({6, 0}));
    assert_true(needs_snapshot_way({7, 2}));
    assert_true(needs_snapshot_way({10, 0}));
}

// A reset takes a while after its command has been answered, and is over with
// its own event, not with one that the guest's reboot caused before.
static void stopped_devices_are_reset_after_a_poweroff_only(void**)
{
    const struct {
        const char* status;
        std::vector<std::string> names;
    } cases[] = {
        {"paused", {"stop", "query-status"}},
        {"shutdown", {"stop", "query-status", "system_reset"}},
    };
    for (const auto& c : cases) {
        std::atomic<bool> reset = false;
        bool reset_in_time = false;
        const auto outcome = outcome_of(
            [&](Qmp& qmp, const std::string&) {
                auto r = stop_devices(qmp);
                reset_in_time = reset;
                return r;
            },
            [&](Client& client, const Client::Command& command) {
                if (command.name == "query-status") {
                    client.event("RESET");
                    client.succeed(command, std::string("{\"status\": \"") +
                                                c.status + "\"}");
                    return true;
                }
                if (command.name == "system_reset") {
                    client.succeed(command);
                    std::this_thread::sleep_for(std::chrono::milliseconds(50));
                    reset = true;
                    client.event("RESET");
                    return true;
                }
                return false;
            });
        assert_text(outcome.text, "ok");
        assert_true(outcome.names == c.names);
        assert_int_equal(reset_in_time, c.names.size() == 3);
    }
}

static void the_dirty_log_is_started(void**)
{
    const auto outcome = outcome_of(
        [](Qmp& qmp, const std::string&) { return start_dirty_log(qmp); },
        [](Client&, const Client::Command&) { return false; });
    assert_text(outcome.text, "ok");
    assert_contains(outcome.lines[0],
                    "\"execute\": \"xen-set-global-dirty-log\"");
    assert_contains(outcome.lines[0], "{\"enable\":true}");
}

// Of a device model that saves by `save`, what came of it in `saved`.
using Save = std::function<void(const std::string& path)>;
static Outcome saved_by(const Save& save, Result<Buffer>& saved)
{
    return outcome_of(
        [&](Qmp& qmp, const std::string& folder) {
            saved = save_device_state(qmp, folder);
            return saved ? Status() : saved.error();
        },
        [&](Client&, const Client::Command& command) {
            if (command.name == "xen-save-devices-state") {
                save(filename_in(command.line));
            }
            return false;
        });
}

static void a_state_is_saved_whole(void**)
{
    Result<Buffer> saved = Buffer();
    const auto outcome = saved_by(
        [](const std::string& path) {
            std::ofstream(path) << std::string(100'000, 'x');
        },
        saved);
    assert_text(outcome.text, "ok");
    assert_true(outcome.names ==
                (std::vector<std::string>{"stop", "xen-save-devices-state"}));
    // Live, it would give its disks away.
    assert_contains(outcome.lines[1], "\"live\":false");
    assert_int_equal(outcome.mode, 0600);
    assert_int_equal(outcome.left_behind, 0);
    assert_true(*saved == Buffer(100'000, 'x'));
}

static void a_state_that_is_none_is_an_error(void**)
{
    Result<Buffer> saved = Buffer();
    assert_contains(saved_by([](const std::string&) {}, saved).text,
                    "has 0 bytes");
    assert_contains(saved_by(
                        [](const std::string& path) {
                            std::filesystem::resize_file(path, (64 << 20) + 1);
                        },
                        saved)
                        .text,
                    "has 67108865 bytes");
    const auto gone = saved_by(
        [](const std::string& path) { std::filesystem::remove(path); }, saved);
    assert_contains(gone.text, "No such file");
    assert_int_equal(gone.left_behind, 0);
}

static void a_refusal_to_save_is_passed_on(void**)
{
    const auto outcome = outcome_of(
        [](Qmp& qmp, const std::string& folder) {
            auto saved = save_device_state(qmp, folder);
            return saved ? Status() : saved.error();
        },
        [](Client& client, const Client::Command& command) {
            if (command.name == "stop") {
                return false;
            }
            client.refuse(command, "no room");
            return true;
        });
    assert_contains(outcome.text, "xen-save-devices-state: no room");
    assert_int_equal(outcome.left_behind, 0);
}

static void the_run_directory_is_for_its_owner_alone(void**)
{
    bool made = false, found = false, open = true, link = true;
    {
        ScratchFolder folder;
        const std::string path = folder.path() + "/run";
        made = static_cast<bool>(make_private_folder(path));
        found = static_cast<bool>(make_private_folder(path));
        std::filesystem::create_symlink(path, folder.path() + "/link");
        link = static_cast<bool>(
            make_private_folder(folder.path() + "/link"));
        chmod(path.c_str(), 0755);
        open = static_cast<bool>(make_private_folder(path));
    }
    assert_true(made);
    assert_true(found);
    assert_false(open);
    assert_false(link);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_loaded_as_a_snapshot),
        cmocka_unit_test(the_jobs_end_may_come_before_the_answer),
        cmocka_unit_test(a_failed_job_is_cleared_away),
        cmocka_unit_test(a_refused_step_undoes_those_before_it),
        cmocka_unit_test(a_state_is_loaded_directly),
        cmocka_unit_test(a_device_model_that_dies_is_an_error),
        cmocka_unit_test(the_version_decides_the_way),
        cmocka_unit_test(stopped_devices_are_reset_after_a_poweroff_only),
        cmocka_unit_test(the_dirty_log_is_started),
        cmocka_unit_test(a_state_is_saved_whole),
        cmocka_unit_test(a_state_that_is_none_is_an_error),
        cmocka_unit_test(a_refusal_to_save_is_passed_on),
        cmocka_unit_test(the_run_directory_is_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
