// Whether QEMU's own tool takes the file for a sound one. Needs qemu-img.
#include <cstdio>

#include "base/json.h"
#include "check.h"
#include "qemu/temporary_file.h"
#include "qemu/vmstate_file.h"

using namespace xl_colo;

namespace {

struct Ran {
    int status;
    std::string out;
};

Ran run(const std::string& command)
{
    std::string out;
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    for (int c; (c = fgetc(pipe)) != EOF;) {
        out += static_cast<char>(c);
    }
    return {pclose(pipe), out};
}

}  // namespace

static void qemu_img_finds_nothing_wrong(void**)
{
    const size_t sizes[] = {1, 5930, 65536, 65537, 20 << 20};
    for (const size_t size : sizes) {
        Ran check, info;
        {
            ScratchFolder folder;
            const std::string path = folder.path() + "/state.qcow2";
            const Buffer state(size, 0x5a);
            auto file = TemporaryFile::create(
                path, *make_vmstate_file(state, "xl-colo"));
            check = run("qemu-img check " + path);
            info = run("qemu-img info --output=json " + path);
        }
        print_message("%zu bytes: %s", size, check.out.c_str());
        assert_int_equal(check.status, 0);
        assert_contains(check.out, "No errors were found");
        assert_int_equal(info.status, 0);
        const auto snapshots = Json::parse(info.out)->objects("snapshots");
        assert_int_equal(snapshots->size(), 1);
        assert_text(*snapshots->front().text("name"), "xl-colo");
        assert_int_equal(*snapshots->front().number("vm-state-size"), size);
    }
}

int main()
{
    if (run("qemu-img --version").status != 0) {
        std::fprintf(stderr, "no qemu-img (Debian package qemu-utils)\n");
        return 77;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(qemu_img_finds_nothing_wrong),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
