// Reads a call byte by byte: {"name": "NAME", "arguments": {…}}, or only the arguments if markup gave the name
// before. Text whose name can be read is a call. Its arguments are repaired if that is unambiguous (json_repair.h), else they stay as
// written. Private to text/.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include "text/tools/json_repair.h"

namespace autark::text {

class HermesCall {
 public:
  HermesCall() = default;
  // A call of `name` whose arguments alone follow.
  explicit HermesCall(std::string name)
      : at_(At::value), role_(Role::arguments), name_(std::move(name)), only_arguments_(true) {}

  enum class State {
    open,
    done,         // the call ends with this byte
    done_before,  // the call ended before this byte, which was not consumed
    no_call       // this text is no call; the byte was not consumed
  };
  State push(char c);
  // Ends the call where it is, at a tag or at the end of the output. Returns false if it is no call.
  bool close();
  // After close(): false if the call ended inside a string or with arguments that were taken as written.
  bool sound() const { return sound_; }

  bool named() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  // True if the name and the arguments have ended.
  bool is_whole() const { return named() && arguments_ && !string_from_; }
  // The last key of the call's own object.
  const std::string& key() const { return key_; }
  // True as soon as the call's own object has arguments.
  bool has_arguments() const { return has_arguments_; }
  // The beginning of the arguments that later bytes cannot change; after the end of the call, all arguments.
  std::string_view settled() const;

  // For a call that a limit has cut: the arguments so far, and the beginning of the name.
  std::string so_far() const;
  std::string cut_name() const;

  bool in_string() const;                               // a tag at this place would be inside a string
  bool astray() const { return any_astray_; }           // a value cannot be repaired
  bool awaits_end() const { return at_ == At::ended; }  // a line end would end the call
  bool begun() const { return at_ != At::begin; }       // the opening brace was read
  const std::string& raw() const { return raw_; }       // all bytes consumed

 private:
  enum class At {
    begin,       // before the brace: space, or the opening of a ``` fence
    key_or_end,  // in the call's own object
    key,
    colon,
    value,
    astray,  // in a value that cannot be repaired, up to its probable end
    after,   // after a value
    remark,  // in a comment
    ended,   // after the brace of a call with an astray value; the next bytes decide whether it is the end
    rest     // after the structure was lost: everything belongs to the arguments
  };
  enum class Role { key, name, arguments, other };

  // Looks for the end of a value that cannot be read, by counting brackets outside of strings.
  struct Astray {
    enum class Step { more, done, done_before };
    size_t depth = 0;
    bool structured = false;  // the value began with a bracket and ends with the matching one
    bool quote = false, escaped = false;
    Step push(char c);
  };

  State step(char c);
  State begin_byte(char c);
  State structure_byte(char c);
  State value_byte(char c);
  State astray_byte(char c);
  State ended_byte(char c);
  State begin_remark(char c);
  State end_object();
  State lose();
  Role role_of_key() const;
  void begin_value(Role role);
  void end_value(std::string written);
  void end_arguments(std::string written);
  void go_astray();
  void end_open_value();
  std::string as_written() const;
  bool streams() const;

  At at_ = At::begin, behind_remark_ = At::begin;
  Role role_ = Role::other;
  Remark remark_;
  JsonRepair value_;
  Astray astray_;
  std::string raw_, name_, key_;
  size_t value_from_ = 0;  // offset in raw_ of the current value
  bool only_arguments_ = false, has_arguments_ = false;
  bool value_begun_ = false, any_astray_ = false, sound_ = true, has_ended_ = false;
  std::optional<std::string> arguments_;  // the final arguments, once they are known
  std::string others_;                    // other members of the call; the arguments if it has no "arguments"
  std::optional<std::string> loose_;      // arguments that went astray, up to their probable end
  std::optional<size_t> string_from_;     // offset in raw_ of arguments that are a string
  std::optional<size_t> arguments_from_;  // offset in raw_ of arguments that cannot be repaired
  size_t firm_ = 0;                       // length of their beginning that settled() had returned before
};

}  // namespace autark::text
