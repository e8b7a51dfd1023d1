#include "base/json.h"

#include <algorithm>
#include <array>
#include <new>

namespace xl_colo {

namespace {

const unsigned char* chars(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

Error wrong(const char* key, const char* wanted)
{
    return {ErrorKind::protocol,
            "\"" + std::string(key) + "\" is not " + wanted};
}

bool is_count(yajl_val value)
{
    return YAJL_IS_INTEGER(value) && YAJL_GET_INTEGER(value) >= 0;
}

}  // namespace

JsonWriter::JsonWriter(bool indent) : gen_(yajl_gen_alloc(nullptr))
{
    if (!gen_) {
        throw std::bad_alloc();
    }
    yajl_gen_config(gen_.get(), yajl_gen_beautify, indent ? 1 : 0);
    yajl_gen_config(gen_.get(), yajl_gen_indent_string, "  ");
}

JsonWriter& JsonWriter::open_object()
{
    yajl_gen_map_open(gen_.get());
    return *this;
}

JsonWriter& JsonWriter::close_object()
{
    yajl_gen_map_close(gen_.get());
    return *this;
}

JsonWriter& JsonWriter::open_list()
{
    yajl_gen_array_open(gen_.get());
    return *this;
}

JsonWriter& JsonWriter::close_list()
{
    yajl_gen_array_close(gen_.get());
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name)
{
    return value(name);
}

JsonWriter& JsonWriter::value(std::string_view text)
{
    yajl_gen_string(gen_.get(), chars(text), text.size());
    return *this;
}

JsonWriter& JsonWriter::value(uint64_t number)
{
    // yajl_gen_integer takes a signed type; digits as they are do not care.
    const std::string digits = std::to_string(number);
    yajl_gen_number(gen_.get(), digits.data(), digits.size());
    return *this;
}

JsonWriter& JsonWriter::value(bool flag)
{
    yajl_gen_bool(gen_.get(), flag);
    return *this;
}

JsonWriter& JsonWriter::null()
{
    yajl_gen_null(gen_.get());
    return *this;
}

std::string JsonWriter::take()
{
    const unsigned char* text = nullptr;
    size_t length = 0;
    yajl_gen_get_buf(gen_.get(), &text, &length);
    std::string result(reinterpret_cast<const char*>(text), length);
    yajl_gen_clear(gen_.get());
    return result;
}

namespace {

// Ours are three deep, QEMU's not many more. yajl frees a tree by recursion: a
// million brackets, which a HELLO can hold, took the whole stack.
constexpr size_t depth_max = 64;

// The deepest that brackets and braces nest, wrong ones too.
size_t depth_of(const std::string& text)
{
    size_t depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            i += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++depth);
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

}  // namespace

Result<Json> Json::parse(const std::string& text)
{
    if (depth_of(text) > depth_max) {
        return Error(ErrorKind::protocol,
                     "not valid JSON here: nested more than " +
                         std::to_string(depth_max) + " deep");
    }
    std::array<char, 512> why{};
    // yajl reads a C string: one with a NUL inside would be cut there.
    yajl_val root =
        text.find('\0') == std::string::npos
            ? yajl_tree_parse(text.c_str(), why.data(), why.size())
            : nullptr;
    if (!root) {
        std::string line(why.data());
        line = line.substr(0, line.find('\n'));
        return Error(ErrorKind::protocol,
                     "not valid JSON" + (line.empty() ? "" : ": " + line));
    }
    std::shared_ptr<yajl_val_s> owner(root, yajl_tree_free);
    if (!YAJL_IS_OBJECT(root)) {
        return Error(ErrorKind::protocol, "not a JSON object");
    }
    return Json(std::move(owner), root);
}

yajl_val Json::find(const char* key) const
{
    const std::array path{key, static_cast<const char*>(nullptr)};
    return yajl_tree_get(here_, const_cast<const char**>(path.data()),
                         yajl_t_any);
}

bool Json::has(const char* key) const
{
    yajl_val value = find(key);
    return value && !YAJL_IS_NULL(value);
}

Result<std::string> Json::text(const char* key) const
{
    const char* value = YAJL_GET_STRING(find(key));
    if (!value) {
        return wrong(key, "a string");
    }
    return std::string(value);
}

Result<uint64_t> Json::number(const char* key) const
{
    yajl_val value = find(key);
    if (!is_count(value)) {
        return wrong(key, "a number from 0 up");
    }
    return static_cast<uint64_t>(YAJL_GET_INTEGER(value));
}

Result<bool> Json::flag(const char* key) const
{
    yajl_val value = find(key);
    if (!YAJL_IS_TRUE(value) && !YAJL_IS_FALSE(value)) {
        return wrong(key, "true or false");
    }
    return static_cast<bool>(YAJL_IS_TRUE(value));
}

namespace {

// Every element of a list, as `take` makes it; an empty optional is an error.
template <typename T, typename Take>
Result<std::vector<T>> elements(yajl_val list, const char* key,
                                const char* wanted, Take take)
{
    if (!YAJL_IS_ARRAY(list)) {
        return wrong(key, wanted);
    }
    std::vector<T> result;
    for (size_t i = 0; i < YAJL_GET_ARRAY(list)->len; ++i) {
        std::optional<T> element = take(YAJL_GET_ARRAY(list)->values[i]);
        if (!element) {
            return wrong(key, wanted);
        }
        result.push_back(std::move(*element));
    }
    return result;
}

}  // namespace

Result<std::vector<std::string>> Json::texts(const char* key) const
{
    return elements<std::string>(
        find(key), key, "a list of strings",
        [](yajl_val v) -> std::optional<std::string> {
            const char* text = YAJL_GET_STRING(v);
            return text ? std::optional<std::string>(text) : std::nullopt;
        });
}

Result<std::vector<uint64_t>> Json::numbers(const char* key) const
{
    return elements<uint64_t>(
        find(key), key, "a list of numbers from 0 up",
        [](yajl_val v) -> std::optional<uint64_t> {
            if (!is_count(v)) {
                return std::nullopt;
            }
            return static_cast<uint64_t>(YAJL_GET_INTEGER(v));
        });
}

Result<std::vector<Json>> Json::objects(const char* key) const
{
    return elements<Json>(find(key), key, "a list of objects",
                          [this](yajl_val v) -> std::optional<Json> {
                              if (!YAJL_IS_OBJECT(v)) {
                                  return std::nullopt;
                              }
                              return Json(root_, v);
                          });
}

std::optional<Json> Json::object(const char* key) const
{
    yajl_val value = find(key);
    if (!YAJL_IS_OBJECT(value)) {
        return std::nullopt;
    }
    return Json(root_, value);
}

}  // namespace xl_colo
