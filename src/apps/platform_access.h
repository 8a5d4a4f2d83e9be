// What all commands on a platform share: which one, for which account, and how a result is shown. They work on the
// platform's database, so it does not matter whether a server runs; servers see a change within a second.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include "api/item.h"
#include "apps/command_line.h"
#include "base/json.h"
#include "platform/ledger.h"
#include "platform/platform.h"

namespace autark::apps {

struct PlatformArguments {
  std::filesystem::path file;  // --platform: the file or its folder
  std::string account;         // --account: id or name; empty: the usual one
  bool json = false;
};

// Adds --platform (or the variable AUTARK_PLATFORM).
void add_platform_option(const Command& c, PlatformArguments& a);
// Adds --platform, --account and --json.
void add_platform_options(const Command& c, PlatformArguments& a);

// Who uses a command: it has the platform's files, so it may do everything, on one account.
struct Operator {
  platform::Platform platform;
  platform::Account account;
  platform::Actor who;

  platform::Directory& directory() const { return *platform.directory; }
  // Books by hand and reads; writes nothing of its own.
  std::unique_ptr<platform::Ledger> ledger() const;
};
Result<Operator> open_operator(const PlatformArguments& a);

// A result in both forms; commands make only what is asked for.
using Shown = std::variant<std::string, Json>;
using Work = std::function<Result<Shown>(const Operator& on)>;
// Opens the platform, works and prints. The exit code: 1 after an Error, which is printed.
int run_on_platform(const PlatformArguments& a, const Work& work);
// Makes a command run `work` so, on its arguments.
template <class A, class F>
void runs_on_platform(const Command& c, std::shared_ptr<A> a, F work) {
  c.runs([a, work] { return run_on_platform(*a, [&](const Operator& on) { return work(*a, on); }); });
}
// The same for what concerns no account.
using DirectoryWork = std::function<Result<Shown>(platform::Directory& directory)>;
int run_on_directory(const PlatformArguments& a, const DirectoryWork& work);
// {"data": […], "has_more": false}: a whole list.
Json list_json(Json data);
// Prints a text as it is and JSON as one line.
void print(const Shown& shown);

// A fault of the directory as an Error; the message stays.
Error error_of(const api::ApiError& fault);
// The same of a fault that is about a thing with a name; what is not found is named, with the command that lists what is.
Error error_of(const api::ApiError& fault, const std::string& name, const std::string& list);
template <class T>
Result<T> value_of(api::ApiResult<T> answer, const std::string& name, const std::string& list) {
  if (auto* fault = std::get_if<api::ApiError>(&answer)) return error_of(*fault, name, list);
  return std::get<T>(std::move(answer));
}
template <class T>
Result<T> value_of(api::ApiResult<T> answer) {
  if (auto* fault = std::get_if<api::ApiError>(&answer)) return error_of(*fault);
  return std::get<T>(std::move(answer));
}

}  // namespace autark::apps
