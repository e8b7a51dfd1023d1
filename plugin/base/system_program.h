// Programs of the system's that this one asks for what only they can do: tc,
// drbdadm. Each call runs one and blocks for as long as that takes: some ms, or
// seconds on a host that is busy or emulated.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

struct SystemProgram {
    const char* name;     // without a folder: looked for in PATH, then in sbin
    const char* package;  // that has it
};

struct ProgramOutput {
    int status = 0;  // of its exit
    std::string out, err;
};

// `input`: what it reads. Errors: refused, when it is missing, with what to
// install; timeout, after which it is ended; io, also when it was killed.
Result<ProgramOutput> run_program(const SystemProgram& program,
                                  const std::vector<std::string>& arguments,
                                  const std::string& input,
                                  std::chrono::milliseconds limit);

// A program's words in one line.
std::string in_one_line(const std::string& said);

}  // namespace xl_colo
