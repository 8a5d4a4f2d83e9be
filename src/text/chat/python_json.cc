#include "text/chat/python_json.h"
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include "base/check.h"
#include "base/json.h"
#include "text/stream.h"
#include "text/tools/json_text.h"

namespace autark::text {
namespace {

constexpr int kDepthMax = 400;

// Python's repr of a float: the shortest digits that read back, in positional form for 1e-4 <= |v| < 1e16.
std::string float_text(double v) {
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  const double size = std::fabs(v);
  const bool positional = v == 0 || (size >= 1e-4 && size < 1e16);
  char text[400];
  const auto form = positional ? std::chars_format::fixed : std::chars_format::scientific;
  std::string out(text, std::to_chars(text, text + sizeof text, v, form).ptr);
  if (positional && out.find('.') == std::string::npos) out += ".0";
  return out;
}

bool is_valid_utf8(std::string_view text) {
  Utf8Stream stream;
  return stream.push(text) == text && stream.flush().empty();
}

}  // namespace

class PythonJsonReader {
 public:
  PythonJsonReader(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  Result<PythonJson> read() {
    PythonJson v;
    if (!value(v, 0)) return fault();
    space();
    if (at_ != text_.size()) return fault();
    return v;
  }

 private:
  Error fault() const {
    if (too_deep_)
      return {Code::invalid, what_ + " is nested deeper than " + std::to_string(kDepthMax) + " levels"};
    return {Code::invalid, what_ + " is not JSON at byte " + std::to_string(at_)};
  }

  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool eat(char c) {
    space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    return ++at_, true;
  }

  bool value(PythonJson& v, int depth) {
    space();
    if (at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '{':
      case '[':
        if (depth == kDepthMax) return too_deep_ = true, false;
        return text_[at_] == '{' ? map(v, depth + 1) : list(v, depth + 1);
      case '"':
        v.kind_ = PythonJson::Kind::text;
        return string(v.text_);
      case 't':
        return word(v, "true", PythonJson::Kind::boolean);
      case 'f':
        return word(v, "false", PythonJson::Kind::boolean);
      case 'n':
        return word(v, "null", PythonJson::Kind::null);
      default:
        for (const std::string_view name : {"NaN", "Infinity", "-Infinity"})
          if (text_.substr(at_).starts_with(name)) return word(v, name, PythonJson::Kind::number);
        return number(v);
    }
  }

  bool word(PythonJson& v, std::string_view word, PythonJson::Kind kind) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    v.kind_ = kind;
    v.text_ = word;
    return true;
  }

  bool list(PythonJson& v, int depth) {
    v.kind_ = PythonJson::Kind::list;
    ++at_;
    if (eat(']')) return true;
    do {
      if (!value(v.list_.emplace_back(), depth)) return false;
    } while (eat(','));
    return eat(']');
  }

  bool map(PythonJson& v, int depth) {
    v.kind_ = PythonJson::Kind::map;
    std::unordered_map<std::string, size_t> places;
    ++at_;
    if (eat('}')) return true;
    do {
      std::string key;
      PythonJson member;
      space();
      if (at_ == text_.size() || text_[at_] != '"' || !string(key)) return false;
      if (!eat(':') || !value(member, depth)) return false;
      const auto [place, is_new] = places.emplace(key, v.map_.size());
      if (is_new)
        v.map_.emplace_back(std::move(key), std::move(member));
      else
        v.map_[place->second].second = std::move(member);
    } while (eat(','));
    return eat('}');
  }

  // The parser of base/json.h resolves the escapes.
  bool string(std::string& out) {
    const size_t from = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return false;
    const auto read = parse_json(text_.substr(from, ++at_ - from), "string");
    if (read) out = read->get<std::string>();
    return bool(read);
  }

  // As in Python, -0 becomes 0, and floats are written in their shortest form.
  bool number(PythonJson& v) {
    const size_t size = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size()) - at_;
    const std::string text(text_.substr(at_, size));
    if (!is_json_number(text)) return false;
    at_ += size;
    v.kind_ = PythonJson::Kind::number;
    if (text.find_first_of(".eE") == std::string::npos)
      v.text_ = text == "-0" ? "0" : text;
    else
      v.text_ = float_text(std::strtod(text.c_str(), nullptr));
    return true;
  }

  std::string_view text_;
  std::string what_;
  size_t at_ = 0;
  bool too_deep_ = false;
};

Result<PythonJson> PythonJson::parse(std::string_view json, std::string_view what) {
  if (!is_valid_utf8(json)) return Error{Code::invalid, std::string(what) + " is not UTF-8"};
  return PythonJsonReader(json, what).read();
}

PythonJson PythonJson::of_list(std::vector<PythonJson> list) {
  PythonJson v;
  v.kind_ = Kind::list;
  v.list_ = std::move(list);
  return v;
}

PythonJson::operator bool() const {
  switch (kind_) {
    case Kind::null:
      return false;
    case Kind::boolean:
      return is_true();
    case Kind::number:
      return std::strtod(text_.c_str(), nullptr) != 0;
    case Kind::text:
      return !text_.empty();
    case Kind::list:
      return !list_.empty();
    case Kind::map:
      return !map_.empty();
  }
  return false;
}

const PythonJson* PythonJson::find(std::string_view key) const {
  for (const auto& [name, value] : map_)
    if (name == key) return &value;
  return nullptr;
}

void PythonJson::set(std::string_view key, PythonJson value) {
  AUTARK_CHECK(is_map());
  for (auto& [name, old] : map_)
    if (name == key) return void(old = std::move(value));
  map_.emplace_back(key, std::move(value));
}

std::string PythonJson::dump() const {
  std::string out;
  append_to(out);
  return out;
}

void PythonJson::append_to(std::string& out) const {
  switch (kind_) {
    case Kind::null:
      out += "null";
      break;
    case Kind::boolean:
    case Kind::number:
      out += text_;
      break;
    case Kind::text:
      out += '"';
      append_escaped(out, text_);
      out += '"';
      break;
    case Kind::list:
      out += '[';
      for (size_t i = 0; i < list_.size(); ++i) {
        if (i) out += ", ";
        list_[i].append_to(out);
      }
      out += ']';
      break;
    case Kind::map:
      out += '{';
      for (size_t i = 0; i < map_.size(); ++i) {
        if (i) out += ", ";
        out += '"';
        append_escaped(out, map_[i].first);
        out += "\": ";
        map_[i].second.append_to(out);
      }
      out += '}';
      break;
  }
}

}  // namespace autark::text
