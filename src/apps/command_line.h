// Declares commands and their options. Only command_line.cc includes CLI11, whose header is slow to compile.
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

// Properties of an option beside its name and help text.
struct OptionDetails {
  std::optional<ValueRule> rule = {};  // which values are allowed; empty: all
  bool shows_default = false;  // --help shows the value that the variable has when the option is declared
  bool required = false;
  bool one_value_each = false;     // for lists: the option is repeated for each value
  bool commas = false;             // for lists: one text may have several values, divided by commas
  const char* kind = nullptr;      // kind of value shown by --help; nullptr: derived from the type
  const char* variable = nullptr;  // environment variable that is used if the option is not given
  bool* given = nullptr;           // set to true if the option or the environment variable gives a value
};

// A command while it is declared. Copyable handle: its CommandLine must outlive it, and the variables that
// options write to must live until the command has run.
class Command {
 public:
  Command(CLI::App& app, int& exit_code) : app_(&app), exit_code_(&exit_code) {}

  // Adds a subcommand. The user must then give one of the subcommands.
  Command command(const std::string& name, const std::string& help) const;
  // Adds a group of options of which the user must give exactly one.
  Command exactly_one(const std::string& name) const;
  // Sets the text at the end of --help, such as examples.
  void footer(const std::string& text) const;
  // Adds an option that writes to `value`: a string, a path, a list of strings, a number or an optional
  // number or string. `names` is "-p,--prompt", or "MODEL" for a positional value.
  template <class T>
  void option(const std::string& names, T& value, const std::string& help,
              const OptionDetails& details = {}) const;
  // Adds an option without a value that sets `value` to true.
  void flag(const std::string& name, bool& value, const std::string& help) const;
  // Sets the function that runs the command. Its result is the exit code.
  void runs(std::function<int()> run) const;

 private:
  CLI::App* app_;
  int* exit_code_;
};

// The command line of a program.
class CommandLine {
 public:
  // `help` and `version` are the texts of --help and --version.
  CommandLine(const std::string& name, const std::string& help, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The command to which subcommands are added.
  Command root();
  // Parses the arguments, runs the command and returns the exit code of the process. Usage errors are printed
  // to standard error.
  int run(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
  int exit_code_ = 0;
};

}  // namespace autark::apps
