// The command lines of the test doors: "--name value" pairs.
#pragma once
#include <cstdlib>
#include <map>
#include <string>

namespace autark::doors {

class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 1; i < argc; i += 2) {
      if (i + 1 == argc) wrong_ = true;
      given_[argv[i]] = i + 1 < argc ? argv[i + 1] : "";
    }
  }
  // Sets *value if the option is given. A value outside [least, most] makes the command line wrong.
  void number(const char* name, long* value, long least, long most) {
    std::string given;
    text(name, &given);
    if (given.empty()) return;
    char* end = nullptr;
    *value = std::strtol(given.c_str(), &end, 10);
    wrong_ |= *end != 0 || *value < least || *value > most;
  }
  void text(const char* name, std::string* value) {
    const auto found = given_.find(name);
    if (found == given_.end()) return;
    *value = found->second;
    given_.erase(found);
  }
  // Whether every given option was asked for and right.
  bool complete() const { return !wrong_ && given_.empty(); }

 private:
  std::map<std::string, std::string> given_;
  bool wrong_ = false;
};

}  // namespace autark::doors
