#include "apps/platform_access.h"
#include <fmt/core.h>
#include "apps/report.h"
#include "platform/guarded_memory.h"

namespace autark::apps {

void add_platform_option(const Command& c, PlatformArguments& a) {
  c.option("--platform", a.file, "The platform: its folder, or the file platform.toml in it",
           {.required = true, .kind = "FILE", .variable = "AUTARK_PLATFORM"});
}

void add_platform_options(const Command& c, PlatformArguments& a) {
  add_platform_option(c, a);
  c.option("--account", a.account, "The account, by id or name (the only one, or the one named default)",
           {.kind = "ACCOUNT"});
  c.flag("--json", a.json, "Show JSON objects, as the admin API does");
}

std::unique_ptr<platform::Ledger> Operator::ledger() const {
  return std::make_unique<platform::Ledger>(platform.database, platform::Ledger::Options{});
}

Error error_of(const api::ApiError& fault) {
  using Kind = api::ApiError::Kind;
  if (fault.kind == Kind::not_found) return {Code::not_found, fault.message};
  return {fault.kind == Kind::unavailable ? Code::io : Code::invalid, fault.message};
}

Error error_of(const api::ApiError& fault, const std::string& name, const std::string& list) {
  Error error = error_of(fault);
  if (error.code == Code::not_found)
    error.message = name + ": " + error.message + "; `autark " + list + "` shows what there is";
  return error;
}

namespace {

Result<platform::Platform> open_with_remarks(const PlatformArguments& a) {
  platform::guard_memory();
  AUTARK_TRY(platform::Platform opened, platform::open_platform(a.file));
  for (const std::string& remark : opened.file.remarks) fmt::print(stderr, "autark: {}\n", remark);
  return opened;
}

// Prints a result; the exit code.
int finish(const Result<Shown>& shown) {
  if (!shown) return fail(shown.error());
  print(*shown);
  return 0;
}

}  // namespace

Result<Operator> open_operator(const PlatformArguments& a) {
  AUTARK_TRY(platform::Platform opened, open_with_remarks(a));
  AUTARK_TRY(platform::Account account,
             value_of(opened.directory->account(a.account), a.account, "platform accounts list"));
  platform::Actor who = platform::operator_of(account.id);
  return Operator{std::move(opened), std::move(account), std::move(who)};
}

Json list_json(Json data) {
  return {{"data", std::move(data)}, {"has_more", false}};
}

void print(const Shown& shown) {
  if (const auto* text = std::get_if<std::string>(&shown)) return fmt::print("{}", *text);
  fmt::print("{}\n", dump_json(std::get<Json>(shown)));
}

int run_on_platform(const PlatformArguments& a, const Work& work) {
  const auto opened = open_operator(a);
  return opened ? finish(work(*opened)) : fail(opened.error());
}

int run_on_directory(const PlatformArguments& a, const DirectoryWork& work) {
  const auto opened = open_with_remarks(a);
  return opened ? finish(work(*opened->directory)) : fail(opened.error());
}

}  // namespace autark::apps
