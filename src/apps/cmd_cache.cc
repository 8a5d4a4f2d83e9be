#include "apps/cmd_cache.h"
#include <fmt/chrono.h>
#include <algorithm>
#include <filesystem>
#include "apps/report.h"
#include "engine/entry_folder.h"

namespace autark::apps {
namespace {

std::optional<Error> fault_of_folder(const std::string& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return {};
  return Error{Code::not_found, folder + " is no folder; name the one that serve --cache-dir got"};
}

// The lines of a text in one, without control characters: it was read from a file.
std::string in_one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  std::string line;
  for (const char c : text)
    line += c == '\n' ? std::string(", ") : std::string(1, c >= 0 && c < ' ' ? ' ' : c);
  return line;
}

int list(const std::string& folder) {
  if (auto e = fault_of_folder(folder)) return fail(*e);
  int64_t bytes = 0;
  for (const engine::StoredProgram& p : engine::stored_programs(folder)) {
    bytes += p.bytes;
    const std::string used =
        p.entries == 0 ? "never" : fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(time_t(p.used)));
    fmt::print("{}  {:>7} entries  {:>9.1f} MB  used {}{}  {}\n", p.key.substr(0, 12), p.entries,
               double(p.bytes) / 1e6, used, p.in_use ? ", in use" : "", in_one_line(p.about));
  }
  fmt::print("{:.1f} MB in all\n", double(bytes) / 1e6);
  return 0;
}

int clear(const std::string& folder) {
  if (auto e = fault_of_folder(folder)) return fail(*e);
  fmt::print("removed {:.1f} MB\n", double(engine::remove_entries(folder)) / 1e6);
  return 0;
}

}  // namespace

void add_cache_command(const Command& program) {
  const Command c = program.command("cache", "What serve --cache-dir keeps on the disk");
  auto folder = std::make_shared<std::string>();
  const Command shown = c.command("list", "Models, versions and sizes of what is kept");
  shown.option("DIR", *folder, "The folder", {.required = true});
  shown.runs([folder] { return list(*folder); });
  const Command emptied =
      c.command("clear", "Removes what is kept, of all models and users, also while a server uses it");
  emptied.option("DIR", *folder, "The folder", {.required = true});
  emptied.runs([folder] { return clear(*folder); });
  c.footer("Examples:\n  autark serve --cache-dir prefixes\n  autark cache list prefixes");
}

}  // namespace autark::apps
