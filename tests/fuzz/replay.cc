// In libFuzzer's place: gives a harness each file of the folders named, once.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv)
{
    unsigned replayed = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry :
             std::filesystem::directory_iterator(argv[i])) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<uint8_t> input(
                std::istreambuf_iterator<char>(file), {});
            LLVMFuzzerTestOneInput(input.data(), input.size());
            ++replayed;
        }
    }
    std::printf("%u inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
