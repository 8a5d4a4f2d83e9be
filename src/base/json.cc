#include "base/json.h"
#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

namespace autark {
namespace {

// Builds the value and counts the depth; stops at the first fault instead of throwing. The library's own
// builder searches an ordered object for every key it adds, which is quadratic. This one finds repeated keys
// by sorting when the object ends.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(Json& root, int depth_max) : root_(root), depth_max_(depth_max) {}
  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  // An integer beyond 64 bits arrives here with its text. It is stored as binary, a type that JSON text
  // cannot produce otherwise.
  bool number_float(number_float_t v, const string_t& text) override {
    if (text.find_first_of(".eE") != string_t::npos) return put(v);
    return put(Json::binary(Json::binary_t::container_type(text.begin(), text.end())));
  }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return enter(Json::object()); }
  bool key(string_t& v) override { return key_ = std::move(v), true; }
  bool end_object() override {
    keep_last(open_.back()->get_ref<Json::object_t&>());
    return leave();
  }
  bool start_array(std::size_t) override { return enter(Json::array()); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& why) override {
    constexpr int kOverflow = 406;
    fault = (why.id == kOverflow ? "has a number that is too large before byte " : "is not JSON at byte ") +
            std::to_string(at);
    return false;
  }
  std::string fault;

 private:
  bool put(Json v) { return add(std::move(v)), true; }

  // Returns the place of the value, which is stable until the enclosing object or array ends.
  Json* add(Json v) {
    if (open_.empty()) return &(root_ = std::move(v));
    if (auto* array = open_.back()->get_ptr<Json::array_t*>()) return &array->emplace_back(std::move(v));
    auto& object = open_.back()->get_ref<Json::object_t&>();
    return &object.emplace_back(std::move(key_), std::move(v)).second;
  }
  bool enter(Json v) {
    if (static_cast<int>(open_.size()) == depth_max_) {
      fault = "is nested deeper than " + std::to_string(depth_max_) + " levels";
      return false;
    }
    open_.push_back(add(std::move(v)));
    return true;
  }
  bool leave() { return open_.pop_back(), true; }

  // A repeated key keeps the position of its first occurrence and the value of its last.
  static void keep_last(Json::object_t& object) {
    if (object.size() < 2) return;
    std::vector<size_t> order(object.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto key_at = [&](size_t i) -> const std::string& { return object.data()[i].first; };
    std::ranges::stable_sort(order, {}, key_at);
    std::vector<bool> again(object.size());
    bool any = false;
    for (size_t from = 0, to; from < order.size(); from = to) {
      for (to = from + 1; to < order.size() && key_at(order[to]) == key_at(order[from]); ++to)
        any = again[order[to]] = true;
      if (to > from + 1) object.data()[order[from]].second = std::move(object.data()[order[to - 1]].second);
    }
    if (!any) return;
    Json::object_t kept;
    for (size_t i = 0; i < object.size(); ++i)
      if (!again[i]) kept.emplace_back(key_at(i), std::move(object.data()[i].second));
    object = std::move(kept);
  }

  Json& root_;
  int depth_max_;
  std::vector<Json*> open_;
  std::string key_;
};

// The UTF-16 code unit of a \uXXXX escape at `at`; 0 if there is no such escape.
uint32_t escaped_unit(std::string_view text, size_t at) {
  const std::string_view escape = text.substr(std::min(at, text.size()), 6);
  uint32_t unit = 0;
  if (escape.size() < 6 || !escape.starts_with("\\u")) return 0;
  const auto read = std::from_chars(escape.data() + 2, escape.data() + 6, unit, 16);
  return read.ptr == escape.data() + 6 ? unit : 0;
}

// Replaces unpaired halves of surrogate pairs by U+FFFD: clients cut texts inside a pair, and the library
// rejects the half. Empty if there are none.
std::string without_halves(std::string_view text) {
  std::string whole;
  for (size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at)) {
    const uint32_t high = escaped_unit(text, at) >> 10, low = escaped_unit(text, at + 6) >> 10;
    if (high == 0x36 && low == 0x37) {  // D800..DBFF, DC00..DFFF
      at += 12;
      continue;
    }
    if (high == 0x36 || high == 0x37) {
      if (whole.empty()) whole = text;
      whole.replace(at, 6, "\\ufffd");
    }
    at += 2;
  }
  return whole;
}

// Prints arrays, objects and long integers itself and leaves other values to the library.
class Writer {
 public:
  Writer(std::string& out, JsonStyle style)
      : out_(out),
        comma_(style == JsonStyle::roomy ? ", " : ","),
        colon_(style == JsonStyle::roomy ? ": " : ":"),
        leaf_(nlohmann::detail::output_adapter<char>(out), ' ', Json::error_handler_t::replace) {}

  void write(const Json& j) {
    if (const auto* array = j.get_ptr<const Json::array_t*>()) return write(*array);
    if (const auto* object = j.get_ptr<const Json::object_t*>()) return write(*object);
    if (is_long_integer(j)) return void(out_ += long_integer_text(j));
    leaf_.dump(j, false, false, 0);
  }

 private:
  void write(const Json::array_t& array) {
    out_ += '[';
    for (const Json& j : array) {
      if (&j != &array.front()) out_ += comma_;
      write(j);
    }
    out_ += ']';
  }
  void write(const Json::object_t& object) {
    out_ += '{';
    for (const auto& member : object) {
      if (&member != &object.front()) out_ += comma_;
      leaf_.dump(member.first, false, false, 0);
      out_ += colon_;
      write(member.second);
    }
    out_ += '}';
  }

  std::string& out_;
  const char *comma_, *colon_;
  nlohmann::detail::serializer<Json> leaf_;
};

}  // namespace

bool sax_parse_json(std::string_view text, nlohmann::json_sax<Json>& reader) {
  if (!Json::sax_parse(text, &reader)) return false;
  const size_t nul = text.find('\0');
  return nul == text.npos ||
         reader.parse_error(nul + 1, "NUL", Json::parse_error::create(101, nul + 1, "NUL", nullptr));
}

Json empty_object() {
  return Json::object();
}

Json empty_array() {
  return Json::array();
}

Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Error{Code::invalid, std::string(what) + " has " + std::to_string(text.size()) +
                                    " bytes, the limit is " + std::to_string(limits.bytes)};
  Json root;
  Builder builder(root, limits.depth);
  if (!sax_parse_json(text, builder)) {
    if (const std::string whole = without_halves(text); !whole.empty())
      return parse_json(whole, what, limits);
    return Error{Code::invalid,
                 std::string(what) + " " + (builder.fault.empty() ? "is not JSON" : builder.fault)};
  }
  return root;
}

bool is_long_integer(const Json& j) {
  return j.is_binary();
}

std::string long_integer_text(const Json& j) {
  const auto& digits = j.get_binary();
  return {digits.begin(), digits.end()};
}

std::string dump_json(const Json& j, JsonStyle style) {
  std::string out;
  Writer(out, style).write(j);
  return out;
}

}  // namespace autark
