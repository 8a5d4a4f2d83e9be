// The inside of a <tool_call>: {"name": "NAME", "arguments": {…}}, byte by byte. Private to text/.
#pragma once
#include "text/tools/json_text.h"
#include "text/tools/piece_list.h"

namespace autark::text {

class HermesCall {
 public:
  enum class State { open, done, fault };

  HermesCall(PieceList& pieces, int call) : pieces_(pieces), call_(call) {}

  // A byte at which the state becomes fault is not taken.
  State push(char c);
  bool named() const { return named_; }
  // Nothing is missing but the last brace.
  bool complete() const { return named_ && at_ == At::after; }
  void end();
  // The beginning of a name that a length limit has cut.
  void give_cut_name();
  // What was taken and not given out, as text.
  std::string rest() const { return named_ ? captured_ + scanner_.waiting() : raw_; }

 private:
  enum class At { begin, key_or_end, key, colon, value, after };
  enum class Role { key, name, arguments, other };
  State structure_byte(char c);
  State value_byte(char c);
  void begin_value(Role role);
  bool begins_well(char c) const;
  bool end_value();
  bool end_arguments();
  void give_name(const std::string& name);

  PieceList& pieces_;
  const int call_;
  At at_ = At::begin;
  Role role_ = Role::other;
  JsonScanner scanner_;
  std::string raw_;       // all bytes taken, until the name is known
  std::string captured_;  // the value being read, but for arguments that go straight out
  std::string key_;
  std::string early_;  // arguments that came before the name
  bool named_ = false, has_arguments_ = false, begun_ = false, streams_ = false;
};

}  // namespace autark::text
