#include "base/system_program.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "base/bytes.h"
#include "base/child_process.h"
#include "base/descriptors.h"
#include "base/errors.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

// By its whole path: busybox' shell takes a program of its own otherwise, which
// may know less. A login without root's PATH has /usr/sbin all the same.
std::optional<std::string> find_program(const char* name)
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path ? path : "") +
                               ":/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string whole = folder + "/" + name;
        if (folder.starts_with('/') && access(whole.c_str(), X_OK) == 0) {
            return whole;
        }
    }
    return std::nullopt;
}

// A file without a name: a pipe would have to be written and read meanwhile.
UniqueFd scratch_file(const char* name)
{
    return UniqueFd(memfd_create(name, MFD_CLOEXEC));
}

std::string text_in(const UniqueFd& file)
{
    std::string text(static_cast<size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
    const ssize_t r = pread(file.get(), text.data(), text.size(), 0);
    text.resize(r > 0 ? static_cast<size_t>(r) : 0);
    return text;
}

std::string quoted(const std::string& word)
{
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return text + "'";
}

}  // namespace

Result<ProgramOutput> run_program(const SystemProgram& program,
                                  const std::vector<std::string>& arguments,
                                  const std::string& input,
                                  std::chrono::milliseconds limit)
{
    const std::string name = program.name;
    const auto path = find_program(program.name);
    if (!path) {
        return Error(ErrorKind::refused,
                     name + " is missing: install " + program.package);
    }
    const UniqueFd in = scratch_file(program.name),
                   out = scratch_file(program.name),
                   err = scratch_file(program.name);
    if (!in || !out || !err) {
        return io_error("cannot make a file for " + name, errno);
    }
    if (auto s = write_all(in.get(), view_of(input)); !s) {
        return s.error().with_context("for " + name);
    }
    lseek(in.get(), 0, SEEK_SET);
    std::string command = "exec " + quoted(*path);
    for (const std::string& word : arguments) {
        command += " " + quoted(word);
    }
    auto child = ChildProcess::spawn(command,
                                     {in.get(), out.get(), err.get()});
    if (!child) {
        return child.error().with_context(name);
    }
    if (child->wait(limit) != ChildProcess::Waited::ended) {
        return Error(ErrorKind::timeout,
                     name + ": not done within " +
                         std::to_string(limit.count() / 1000) + " s");
    }
    const auto status = child->status();
    if (!status || !WIFEXITED(*status)) {
        return Error(ErrorKind::io, name + " was killed");
    }
    return ProgramOutput{WEXITSTATUS(*status), text_in(out), text_in(err)};
}

std::string in_one_line(const std::string& said)
{
    std::string line;
    std::istringstream lines(said);
    for (std::string next; std::getline(lines, next);) {
        const std::string clean = without_controls(next);
        if (!clean.empty()) {
            line += (line.empty() ? "" : "; ") + clean;
        }
    }
    return line;
}

}  // namespace xl_colo
