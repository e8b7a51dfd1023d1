// JSON in and out, by yajl. Only what our messages need: objects of strings,
// integers, booleans, null and lists.
#pragma once

#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace xl_colo {

// Builds one text. Calls nest as the text does: key() before each value of an
// object. `indent` for people; without it the text is one line.
class JsonWriter {
public:
    explicit JsonWriter(bool indent = false);

    JsonWriter& open_object();
    JsonWriter& close_object();
    JsonWriter& open_list();
    JsonWriter& close_list();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text)
    {
        return value(std::string_view(text));
    }
    JsonWriter& value(uint64_t number);
    JsonWriter& value(bool flag);
    JsonWriter& null();
    template <typename T>
    JsonWriter& value(const std::optional<T>& maybe)
    {
        return maybe ? value(*maybe) : null();
    }
    template <typename T>
    JsonWriter& member(std::string_view name, const T& v)
    {
        return key(name).value(v);
    }
    std::string take();

private:
    struct Free {
        void operator()(yajl_gen gen) const { yajl_gen_free(gen); }
    };
    std::unique_ptr<std::remove_pointer_t<yajl_gen>, Free> gen_;
};

// A parsed text. Views of members borrow from it.
class Json {
public:
    // Error protocol, with yajl's one-line reason.
    static Result<Json> parse(const std::string& text);

    // Each errs with protocol, naming the key, when it is missing or of
    // another kind. A number is refused when it is negative or no integer.
    Result<std::string> text(const char* key) const;
    Result<uint64_t> number(const char* key) const;
    Result<bool> flag(const char* key) const;
    Result<std::vector<std::string>> texts(const char* key) const;
    Result<std::vector<uint64_t>> numbers(const char* key) const;
    // The objects in the list `key`.
    Result<std::vector<Json>> objects(const char* key) const;
    // Nothing where the member is null or missing.
    std::optional<Json> object(const char* key) const;
    bool has(const char* key) const;  // and it is not null

private:
    Json(std::shared_ptr<yajl_val_s> root, yajl_val here)
        : root_(std::move(root)), here_(here) {}
    yajl_val find(const char* key) const;

    std::shared_ptr<yajl_val_s> root_;
    yajl_val here_;
};

// Reads members one after another and keeps the first error, so that a parser
// is the list of its members: what is missing reads as nothing, and error()
// tells at the end. Borrows the object.
class JsonMembers {
public:
    explicit JsonMembers(const Json& json) : json_(json) {}

    std::string text(const char* key) { return take(json_.text(key)); }
    uint64_t number(const char* key) { return take(json_.number(key)); }
    bool flag(const char* key) { return take(json_.flag(key)); }
    std::vector<std::string> texts(const char* key)
    {
        return take(json_.texts(key));
    }
    std::vector<uint64_t> numbers(const char* key)
    {
        return take(json_.numbers(key));
    }
    std::optional<std::string> maybe_text(const char* key)
    {
        return json_.has(key) ? std::optional(text(key)) : std::nullopt;
    }
    // A text that stands for one of a few values, by of().
    template <typename T>
    T named(const char* key, std::optional<T> (*of)(const std::string&))
    {
        const std::string name = text(key);
        const auto value = of(name);
        if (!value && !error_) {
            error_ = Error(ErrorKind::protocol, "\"" + std::string(key) +
                                                    "\" is \"" + name + "\"");
        }
        return value.value_or(T{});
    }
    template <typename T>
    T take(const Result<T>& result, T otherwise = T{})
    {
        if (result) {
            return *result;
        }
        if (!error_) {
            error_ = result.error();
        }
        return otherwise;
    }
    const std::optional<Error>& error() const { return error_; }

private:
    const Json& json_;
    std::optional<Error> error_;
};

}  // namespace xl_colo
