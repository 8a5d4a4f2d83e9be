#include "apps/command_line.h"
#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace autark::apps {

Command Command::command(const std::string& name, const std::string& help) const {
  app_->require_subcommand(1);
  return {*app_->add_subcommand(name, help), *exit_code_};
}

Command Command::exactly_one(const std::string& name) const {
  CLI::App* group = app_->add_option_group(name);
  group->require_option(1);
  return {*group, *exit_code_};
}

void Command::footer(const std::string& text) const {
  app_->footer(text);
}

template <class T>
void Command::option(const std::string& names, T& value, const std::string& help,
                     const OptionDetails& details) const {
  CLI::Option* option = app_->add_option(names, value, help);
  if (details.rule)
    option->check([rule = *details.rule](const std::string& text) { return rule.broken(text); },
                  details.rule->values);
  if (details.shows_default) option->capture_default_str();
  if (details.required) option->required();
  if (details.one_value_each) option->allow_extra_args(false);
  if (details.commas) option->delimiter(',');
  if (details.kind) option->type_name(details.kind);
  if (details.variable) option->envname(details.variable);
  if (details.given) option->each([given = details.given](const std::string&) { *given = true; });
}

// The types that options may have.
template void Command::option(const std::string&, std::string&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::filesystem::path&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::vector<std::string>&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, int&, const std::string&, const OptionDetails&) const;
template void Command::option(const std::string&, int64_t&, const std::string&, const OptionDetails&) const;
template void Command::option(const std::string&, uint16_t&, const std::string&, const OptionDetails&) const;
template void Command::option(const std::string&, std::optional<int>&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::optional<int64_t>&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::optional<std::string>&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::optional<uint64_t>&, const std::string&,
                              const OptionDetails&) const;
template void Command::option(const std::string&, std::optional<float>&, const std::string&,
                              const OptionDetails&) const;

void Command::flag(const std::string& name, bool& value, const std::string& help) const {
  app_->add_flag(name, value, help);
}

void Command::runs(std::function<int()> run) const {
  app_->callback([run = std::move(run), exit_code = exit_code_] { *exit_code = run(); });
}

CommandLine::CommandLine(const std::string& name, const std::string& help, const std::string& version)
    : app_(std::make_unique<CLI::App>(help)) {
  app_->name(name);
  app_->set_version_flag("--version", version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::root() {
  return {*app_, exit_code_};
}

int CommandLine::run(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app_->exit(e);
  }
  return exit_code_;
}

}  // namespace autark::apps
