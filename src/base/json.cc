#include "base/json.h"
#include <vector>

namespace autark {
namespace {

// Builds the value while counting depth; stops at the first fault instead of throwing.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(Json& root, int depth_max) : dom_(root, false), depth_max_(depth_max) {}
  bool null() override { return dom_.null(); }
  bool boolean(bool v) override { return dom_.boolean(v); }
  bool number_integer(number_integer_t v) override { return dom_.number_integer(v); }
  bool number_unsigned(number_unsigned_t v) override { return dom_.number_unsigned(v); }
  // An integer beyond 64 bits arrives here with its text, and stays text.
  bool number_float(number_float_t v, const string_t& text) override {
    string_t copy = text;
    if (text.find_first_of(".eE") == string_t::npos) return dom_.string(copy);
    return dom_.number_float(v, text);
  }
  bool string(string_t& v) override { return dom_.string(v); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t n) override { return enter() && dom_.start_object(n); }
  bool key(string_t& v) override { return dom_.key(v); }
  bool end_object() override { return leave(), dom_.end_object(); }
  bool start_array(std::size_t n) override { return enter() && dom_.start_array(n); }
  bool end_array() override { return leave(), dom_.end_array(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    fault = "is not JSON at byte " + std::to_string(at);
    return false;
  }
  std::string fault;

 private:
  bool enter() {
    if (++depth_ <= depth_max_) return true;
    fault = "is nested deeper than " + std::to_string(depth_max_) + " levels";
    return false;
  }
  void leave() { --depth_; }

  nlohmann::detail::json_sax_dom_parser<Json> dom_;
  int depth_max_, depth_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Error{Code::invalid, std::string(what) + " has " + std::to_string(text.size()) +
                                    " bytes, the limit is " + std::to_string(limits.bytes)};
  Json root;
  Builder builder(root, limits.depth);
  if (!Json::sax_parse(text, &builder))
    return Error{Code::invalid,
                 std::string(what) + " " + (builder.fault.empty() ? "is not JSON" : builder.fault)};
  return root;
}

std::string dump_json(const Json& j) {
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace autark
