// Reads the inside of a call whose arguments stand between markers, and makes a JSON object of them. A value ends
// at the marker for its end only if the next key or the end of the call follows; else that marker is a part of
// the value. Text between the arguments is skipped; without arguments it is what the model wrote instead of them.
// Private to text/.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include "text/dialect.h"
#include "text/tool_types.h"

namespace autark::text {

class TaggedCall {
 public:
  // `types` may be null.
  TaggedCall(std::string name, bool values_on_lines, bool has_value_marker,
             std::shared_ptr<const ToolTypes> types)
      : name_(std::move(name)),
        on_lines_(values_on_lines),
        has_value_marker_(has_value_marker),
        types_(std::move(types)) {}

  enum class Step { inside, ended, ended_before };  // ended_before: the marker comes after the call
  // Bytes that belong to no marker.
  void text(std::string_view bytes);
  Step marker(const Marker& m);
  // A marker that is only text here. REQUIRES: in_value()
  void literal(std::string_view spelled) { value_ += spelled; }
  // Ends the call where it is: an open value ends, an open key is dropped.
  void close();

  const std::string& name() const { return name_; }
  // Text behind the name, as long as no key has come.
  std::string_view loose() const { return loose_; }
  // True while nothing but space has come.
  bool is_new() const;
  // True if only text has come, on the line of the name.
  bool is_prose() const;
  bool any() const { return any_; }  // an argument is complete
  bool in_key() const { return at_ == At::key; }
  bool in_value() const { return at_ == At::value; }
  // True where no value is open, so that what was read stands.
  bool settled() const { return at_ != At::value && at_ != At::behind_value; }
  // Returns the JSON text that has become certain since the last time.
  std::string take() { return std::exchange(out_, {}); }
  // What is known of an open value, for a call that a limit has cut; ends the reading.
  std::string cut();

 private:
  enum class At { between, key, before_value, value, behind_value };
  void begin_key();
  void end_value();
  void write_key();

  std::string name_;
  bool on_lines_, has_value_marker_;
  std::shared_ptr<const ToolTypes> types_;
  At at_ = At::between;
  std::string loose_, key_, value_;
  std::string behind_;  // the marker that may have ended the value, and the space after it
  std::string out_;
  bool any_ = false, has_key_ = false;
};

// The JSON of a value as a model wrote it without saying its type.
std::string typed_value(std::string_view written, ToolTypes::Type type);

}  // namespace autark::text
