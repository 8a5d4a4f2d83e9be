#include "apps/price_commands.h"
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "apps/text_table.h"
#include "platform/directory_json.h"
#include "platform/money.h"

namespace autark::apps {
namespace {

constexpr size_t kPriceBytes = 1 << 20;

struct Arguments : PlatformArguments {
  std::string file;
};

// Prices for 1,000,000 tokens, as in price files.
struct Simple : PlatformArguments {
  std::string version, input, cached, output;
};

Result<std::string> text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{Code::not_found, file + " cannot be read; name a price file in TOML"};
  std::string text;
  for (std::istreambuf_iterator<char> c(in), end; c != end && text.size() <= kPriceBytes; ++c) text += *c;
  if (text.size() > kPriceBytes)
    return Error{Code::invalid, file + " is larger than a megabyte, which no price file is"};
  return text;
}

// A whole price file with the same prices at all hours. Its version is the moment, unless it has a name.
Result<std::string> simple_file(const Simple& a, const Operator& on, platform::Micros now) {
  std::string rates;
  for (const auto& [name, price] :
       {std::pair("input", &a.input), {"cached", &a.cached}, {"output", &a.output}}) {
    if (price->empty()) continue;
    if (!platform::nanos_from(*price))
      return Error{Code::invalid,
                   fmt::format("--{}: {} is no price; give a number such as 0.5", name, *price)};
    rates += fmt::format("{} = {}\n", name, *price);
  }
  const std::string moment = platform::time_json(now);
  std::string version = a.version.empty() ? moment : a.version;
  if (a.version.empty()) std::erase(version, ':');
  return fmt::format(
      "version = {}\nvalid_from = {}\ncurrency = \"{}\"\ntime_zone = \"{}\"\n[models.\"*\"]\n{}",
      dump_json(version), moment, on.account.currency, on.platform.file.time_zone, rates);
}

Result<Shown> added(const PlatformArguments& a, const Operator& on, const std::string& text) {
  AUTARK_TRY(const auto record, value_of(on.directory().add_price_file(on.who, text)));
  if (a.json) return Shown(platform::price_json(record, record.valid_from <= platform::system_now()));
  return Shown(
      fmt::format("version {} counts from {} UTC on\n", record.version, time_text(record.valid_from)));
}

Result<Shown> add(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const std::string text, text_of(a.file));
  return added(a, on, text);
}

Result<Shown> set(const Simple& a, const Operator& on) {
  AUTARK_TRY(const std::string text, simple_file(a, on, platform::system_now()));
  return added(a, on, text);
}

Result<Shown> list(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto files, value_of(on.directory().price_files(on.who)));
  const platform::Micros now = platform::system_now();
  if (a.json) return Shown(list_json(platform::prices_json(files, now)));
  return Shown(table_of(files, now));
}

// The text of a version that the platform has, or of a file.
Result<std::string> body_of(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto files, value_of(on.directory().price_files(on.who)));
  for (const platform::PriceRecord& f : files)
    if (f.version == a.file) return f.body;
  return text_of(a.file);
}

// What a million tokens cost now.
std::string rates_text(const platform::PriceFile& file) {
  const platform::Micros now = platform::system_now();
  TextTable table({"service", ">input", ">cached", ">cache write", ">output", ">reasoning"});
  for (const char* service : {"standard", "priority", "flex", "batch"}) {
    const platform::Rates r = file.quote("*", service, now).rates;
    table.add({service, platform::amount_text(r.input), platform::amount_text(r.cached),
               platform::amount_text(r.cache_write), platform::amount_text(r.output),
               platform::amount_text(r.reasoning)});
  }
  return table.text("");
}

Result<Shown> show(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const std::string text, body_of(a, on));
  AUTARK_TRY(const platform::PriceFile file, platform::PriceFile::parse(text));
  if (a.json) {
    const platform::PriceRecord record{.version = file.version, .valid_from = file.valid_from, .body = text};
    return Shown(platform::price_json(record, file.valid_from <= platform::system_now()));
  }
  return Shown(
      fmt::format("{}\nA million tokens of a model without prices of its own, in {}, at this hour:\n{}\n{}",
                  fact_lines({{"version", file.version},
                              {"valid from", time_text(file.valid_from) + " UTC"},
                              {"currency", file.currency},
                              {"time zone", file.time_zone}}),
                  file.currency, rates_text(file), text));
}

using Do = Result<Shown> (*)(const Arguments&, const Operator&);

void add(const Command& parent, const char* name, const char* help, const char* file, Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  add_platform_options(c, *a);
  if (file) c.option("FILE", a->file, file, {.required = true});
  runs_on_platform(c, a, work);
}

void add_set(const Command& parent) {
  const auto a = std::make_shared<Simple>();
  const Command c =
      parent.command("set", "Set simple prices, the same for all models and hours, from now on");
  add_platform_options(c, *a);
  c.option("--input", a->input, "For 1,000,000 tokens of prompts, in the account's currency",
           {.required = true, .kind = "PRICE"});
  c.option("--cached", a->cached,
           "For 1,000,000 tokens of prompts that were read from the cache (as --input)", {.kind = "PRICE"});
  c.option("--output", a->output, "For 1,000,000 tokens of answers", {.required = true, .kind = "PRICE"});
  c.option("--version", a->version, "The name of these prices (the time)", {.kind = "NAME"});
  runs_on_platform(c, a, set);
}

}  // namespace

void add_prices_command(const Command& parent) {
  const Command c =
      parent.command("prices", "What tokens cost: price files, each with a version and a first day");
  add_set(c);
  add(c, "add", "Add a price file; a version never changes", "The file, in TOML", add);
  add(c, "list", "All versions", nullptr, list);
  add(c, "show", "One version, or check a file before it is added", "A version, or a file", show);
}

}  // namespace autark::apps
