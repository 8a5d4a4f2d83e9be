// The inside of a <tool_call>: {"name": "NAME", "arguments": {…}}, byte by byte. A call whose name can be
// read is a call: its arguments are mended where that is unambiguous (json_repair.h) and else stay as they
// are written. Private to text/.
#pragma once
#include <optional>
#include "text/tools/json_repair.h"

namespace autark::text {

class HermesCall {
 public:
  enum class State {
    open,
    done,         // the call ends with this byte
    done_before,  // it ended before this byte, which is not taken
    no_call       // it cannot be one; this byte is not taken
  };
  State push(char c);
  // No more comes: the call is what it is. False: it is none.
  bool close();
  // After close(): the end came where one was due, be it short of some brackets.
  bool sound() const { return sound_; }

  bool named() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  // The beginning of the arguments that nothing to come changes; once the call has ended, all of them.
  std::string_view settled() const;

  // Of a call that a limit has cut: arguments as far as they came, and the beginning of a name.
  std::string so_far() const;
  std::string cut_name() const;

  // A tag that came now would stand inside a string.
  bool in_string() const;
  bool begun() const { return at_ != At::begin; }
  const std::string& raw() const { return raw_; }  // all bytes taken

 private:
  enum class At {
    begin,       // before the brace: space, or the opening of a ``` fence
    key_or_end,  // of the call's own object
    key,
    colon,
    value,
    astray,  // in a value that is not to be mended, up to where it seems to end
    after,
    remark,
    ended,  // with a value that went astray; what follows tells whether this is the end
    rest    // of a call that has lost its structure
  };
  enum class Role { key, name, arguments, other };

  // Looks for the end of what cannot be read: counts brackets outside of strings.
  struct Astray {
    enum class Step { more, done, done_before };
    size_t depth = 0;
    bool structured = false;  // it began with a bracket, and ends with that one's other half
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
  size_t value_from_ = 0;  // in raw_
  bool value_begun_ = false, any_astray_ = false, sound_ = true, has_ended_ = false;
  std::optional<std::string> arguments_;  // as they will be given
  std::string others_;  // members beside name and arguments: the arguments where there are no others
  std::optional<std::string> loose_;      // as they seem to be written
  std::optional<size_t> string_from_;     // in raw_: where arguments began that are a string
  std::optional<size_t> arguments_from_;  // in raw_: where those begin that cannot be mended
  size_t firm_ = 0;                       // how much of them was settled before
};

}  // namespace autark::text
