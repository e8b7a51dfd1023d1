// What becomes of what the guest sends, and so whether the copy runs.
#pragma once

#include <optional>
#include <string>

namespace xl_colo {

enum class Output {
    commit,   // it waits until the checkpoint that contains it is committed.
              // The copy stands until it takes over: it does not age, and
              // dirties nothing
    compare,  // both run, and what both send alike does not wait
    automatic,  // one of these from each checkpoint to the next, as the primary
                // decides (output_choice.h) and says in RESUME
};

inline std::string to_string(Output output)
{
    switch (output) {
    case Output::commit:
        return "commit";
    case Output::compare:
        return "compare";
    case Output::automatic:
        break;
    }
    return "auto";
}

inline std::optional<Output> parse_output(const std::string& text)
{
    for (const auto output :
         {Output::commit, Output::compare, Output::automatic}) {
        if (text == to_string(output)) {
            return output;
        }
    }
    return std::nullopt;
}

}  // namespace xl_colo
