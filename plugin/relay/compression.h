// What an admin may choose of compression.
#pragma once

#include <optional>
#include <string>

namespace xl_colo {

enum class Compression {
    none,
    lz4,        // whatever it costs
    automatic,  // where it saves more time on the link than it takes
};

constexpr const char* compression_lz4 = "lz4";

inline std::string to_string(Compression compression)
{
    switch (compression) {
    case Compression::lz4: return compression_lz4;
    case Compression::automatic: return "auto";
    default: return "none";
    }
}

inline std::optional<Compression> parse_compression(const std::string& text)
{
    for (const auto compression :
         {Compression::none, Compression::lz4, Compression::automatic}) {
        if (text == to_string(compression)) {
            return compression;
        }
    }
    return std::nullopt;
}

}  // namespace xl_colo
