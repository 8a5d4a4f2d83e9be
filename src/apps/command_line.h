// What the program's commands take on the command line, and the one place that knows the library which reads
// it: its header is slow to compile.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include "apps/value_rule.h"

namespace CLI {
class App;
}

namespace autark::apps {

// What an option has besides its name and its help.
struct OptionDetails {
  std::optional<ValueRule> rule = {};
  bool shows_default = false;  // --help shows the value it has before anything is read
  bool required = false;
  bool one_value_each = false;     // of a list: the option is given again for each of its values
  const char* kind = nullptr;      // of its value, in --help; else from the type
  const char* variable = nullptr;  // of the environment: gives the value where the option is not given
  bool* given = nullptr;           // set when the option or its variable gives a value
};

// One command as it is declared. A handle that can be copied; its CommandLine must outlive it, and what
// options write into must live until the command has run.
class Command {
 public:
  Command(CLI::App& app, int& exit_code) : app_(&app), exit_code_(&exit_code) {}

  // A command below this one; one of them must be given.
  Command command(const std::string& name, const std::string& help) const;
  // Options below this one, of which exactly one must be given.
  Command exactly_one(const std::string& name) const;
  // The text at the end of --help: examples.
  void footer(const std::string& text) const;
  // `names`: "-p,--prompt", or "MODEL" for a value without a name. `value` is a string, a path, a list of
  // strings, a number or an optional number.
  template <class T>
  void option(const std::string& names, T& value, const std::string& help,
              const OptionDetails& details = {}) const;
  void flag(const std::string& name, bool& value, const std::string& help) const;
  // What the command does; its result is the exit code.
  void runs(std::function<int()> run) const;

 private:
  CLI::App* app_;
  int* exit_code_;
};

class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& help, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command root();
  // Reads the arguments and runs the command: the process's exit code. What is wrong is said on standard
  // error.
  int run(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
  int exit_code_ = 0;
};

}  // namespace autark::apps
