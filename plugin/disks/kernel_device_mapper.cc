#include "disks/device_mapper.h"

#include <libdevmapper.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <mutex>

#include "base/errors.h"
#include "base/text.h"

namespace xl_colo {

namespace {

// udev's rules are not to look into what is ours: the copy's blocks would be
// taken for one more file system of the same name.
constexpr uint16_t quiet = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                           DM_UDEV_DISABLE_DISK_RULES_FLAG |
                           DM_UDEV_DISABLE_OTHER_RULES_FLAG;

// The library is for one thread: even a task that is made changes what all have
// in common.
std::mutex library;

// The library prints what went wrong; here it is kept for the error.
thread_local std::string last_words;

__attribute__((format(printf, 5, 6))) void keep_words(
    int level, const char*, int, int, const char* format, ...)
{
    // Its least severe ones are for who debugs it. Bits above say where to.
    constexpr int severity = 0x7, error = 3;
    if ((level & severity) > error) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    last_words = without_controls(text);
}

struct FreeTask {
    void operator()(dm_task* task) const { dm_task_destroy(task); }
};

// One request to the kernel, with the library to itself as long as it is there.
class Task {
public:
    Task(int type, const std::string& name) : name_(name)
    {
        static std::once_flag once;
        std::call_once(once, [] { dm_log_with_errno_init(keep_words); });
        last_words.clear();
        task_.reset(dm_task_create(type));
        good_ = task_ && (name.empty() ||
                          dm_task_set_name(task_.get(), name.c_str()) != 0);
    }

    dm_task* get() { return task_.get(); }
    Task& with(int (*option)(dm_task*))
    {
        good_ = good_ && option(task_.get()) != 0;
        return *this;
    }
    Task& with(const DmTable& table)
    {
        for (const DmTarget& target : table) {
            good_ = good_ && dm_task_add_target(
                                 task_.get(), target.start, target.length,
                                 target.type.c_str(),
                                 target.parameters.c_str()) != 0;
        }
        return *this;
    }

    Status run()
    {
        return good_ && dm_task_run(task_.get()) != 0 ? Status() : failure();
    }
    // For those that change what nodes there are.
    Status run_with_nodes()
    {
        uint32_t cookie = 0;
        good_ = good_ && dm_task_set_cookie(task_.get(), &cookie, quiet) != 0;
        const Status s = run();
        dm_udev_wait(cookie);
        return s;
    }
    int code() const { return task_ ? dm_task_get_errno(task_.get()) : 0; }

private:
    Error failure()
    {
        const int code = this->code();
        if (code == 0 && !last_words.empty()) {
            return {ErrorKind::refused, "device-mapper: " + last_words};
        }
        return io_error("device-mapper, " + name_ +
                            (last_words.empty() ? "" : ": " + last_words),
                        code);
    }

    const std::lock_guard<std::mutex> alone_{library};
    std::unique_ptr<dm_task, FreeTask> task_;
    const std::string name_;
    bool good_ = false;
};

class KernelDeviceMapper : public DeviceMapper {
public:
    Result<std::optional<DmTable>> table(const std::string& name) override
    {
        Task task(DM_DEVICE_TABLE, name);
        const Status s = task.run();
        if (!s) {
            return task.code() == ENXIO
                       ? Result<std::optional<DmTable>>(std::nullopt)
                       : s.error();
        }
        return std::optional(targets_in(task));
    }

    Result<DmTable> status(const std::string& name) override
    {
        Task task(DM_DEVICE_STATUS, name);
        if (auto s = task.with(dm_task_no_flush).run(); !s) {
            return s.error();
        }
        return targets_in(task);
    }

    Result<bool> is_open(const std::string& name) override
    {
        auto info = info_of(Task(DM_DEVICE_INFO, name));
        if (!info) {
            return info.error();
        }
        return info->exists != 0 && info->open_count > 0;
    }

    Result<std::string> device_of(const std::string& name) override
    {
        auto info = info_of(Task(DM_DEVICE_INFO, name));
        if (!info) {
            return info.error();
        }
        return std::to_string(info->major) + ":" + std::to_string(info->minor);
    }

    Result<std::optional<std::string>> name_of(dev_t device) override
    {
        Task task(DM_DEVICE_STATUS, "");
        if (dm_is_dm_major(major(device)) == 0) {
            return std::optional<std::string>();
        }
        dm_task_set_major(task.get(), static_cast<int>(major(device)));
        dm_task_set_minor(task.get(), static_cast<int>(minor(device)));
        if (auto s = task.run(); !s) {
            return s.error();
        }
        return std::optional<std::string>(dm_task_get_name(task.get()));
    }

    Status create(const std::string& name, const DmTable& table) override
    {
        Task task(DM_DEVICE_CREATE, name);
        if (auto s = task.with(table).run_with_nodes(); !s) {
            return s;
        }
        // Where there is no udev.
        dm_mknodes(name.c_str());
        return {};
    }

    Status load(const std::string& name, const DmTable& table) override
    {
        return Task(DM_DEVICE_RELOAD, name).with(table).run();
    }

    Status suspend(const std::string& name) override
    {
        // No file system is to be frozen that somebody has on it: who froze it
        // would wait for the guest's, which stands.
        return Task(DM_DEVICE_SUSPEND, name).with(dm_task_skip_lockfs).run();
    }

    Status swap(const std::string& name) override
    {
        const Status suspended = suspend(name);
        // In any case: it is not to stay suspended.
        const Status resumed = Task(DM_DEVICE_RESUME, name).run_with_nodes();
        return suspended ? resumed : suspended;
    }

    Status remove(const std::string& name) override
    {
        return Task(DM_DEVICE_REMOVE, name)
            .with(dm_task_deferred_remove)
            .run_with_nodes();
    }

private:
    static DmTable targets_in(Task& task)
    {
        DmTable table;
        void* next = nullptr;
        do {
            uint64_t start = 0, length = 0;
            char* type = nullptr;
            char* parameters = nullptr;
            next = dm_get_next_target(task.get(), next, &start, &length, &type,
                                      &parameters);
            if (type) {
                table.push_back(
                    {start, length, type, parameters ? parameters : ""});
            }
        } while (next);
        return table;
    }

    static Result<dm_info> info_of(Task task)
    {
        dm_info info{};
        if (auto s = task.run(); !s) {
            return s.error();
        }
        dm_task_get_info(task.get(), &info);
        return info;
    }
};

}  // namespace

std::unique_ptr<DeviceMapper> make_device_mapper()
{
    return std::make_unique<KernelDeviceMapper>();
}

}  // namespace xl_colo
