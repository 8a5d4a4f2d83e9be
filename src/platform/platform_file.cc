#include "platform/platform_file.h"
#include <toml++/toml.h>
#include <algorithm>
#include "platform/private_file.h"

namespace autark::platform {
namespace {

constexpr size_t kFileMax = size_t{1} << 20;
constexpr std::string_view kSqlite = "sqlite:";

// The keys of the file, each once; the first fault counts.
class Reader {
 public:
  Reader(const toml::table& table, PlatformFile& file) : table_(table), file_(file) {}

  std::optional<Error> read() {
    constexpr std::string_view kKnown[] = {"store", "prices", "time_zone", "post_paid", "separation"};
    for (const auto& [key, node] : table_)
      if (std::ranges::count(kKnown, key.str()) == 0)
        fault(node, "there is no key '" + std::string(key.str()).substr(0, 64) +
                        "'; there are store, prices, time_zone, post_paid and separation");
    text("store", file_.store);
    text("prices", file_.prices);
    text("time_zone", file_.time_zone);
    flag("post_paid", file_.post_paid);
    flag("separation", file_.separation);
    if (!error_ && file_.store.empty())
      error_ = Error{Code::invalid, file_.path.string() + ": store is missing"};
    if (!error_) place();
    return error_;
  }

 private:
  void text(const char* key, std::string& value) {
    const toml::node* node = table_.get(key);
    if (!node) return;
    const auto given = node->value_exact<std::string>();
    if (!given || given->empty() || given->find('\0') != given->npos)
      return fault(*node, std::string(key) + " must be a text in quotes");
    value = *given;
  }

  void flag(const char* key, bool& value) {
    const toml::node* node = table_.get(key);
    if (!node) return;
    const auto word = node->value_exact<std::string>();
    if (!node->is_boolean() && word != "on" && word != "off")
      return fault(*node, std::string(key) + " must be true or false");
    value = node->value_or(word == "on");
  }

  void fault(const toml::node& node, const std::string& what) {
    if (!error_)
      error_ = Error{Code::invalid,
                     file_.path.string() + " line " + std::to_string(node.source().begin.line) + ": " + what};
  }

  // Paths become absolute.
  void place() {
    const auto folder = file_.path.parent_path();
    if (!file_.prices.empty()) file_.prices = (folder / file_.prices).string();
    const bool is_file = file_.store.starts_with(kSqlite), is_memory = file_.store == "sqlite::memory:";
    const bool is_server = file_.store.starts_with("postgres://") || file_.store.starts_with("postgresql://");
    if ((!is_file && !is_server) || is_memory || file_.store == kSqlite)
      fault(*table_.get("store"), "store must be sqlite:FILE or postgres://USER@HOST/DATABASE");
    else if (is_file)
      file_.store = std::string(kSqlite) + (folder / file_.store.substr(kSqlite.size())).string();
    else
      look_for_password();
  }

  void look_for_password() {
    const std::string& url = file_.store;
    const size_t begin = url.find("//") + 2, end = std::min(url.find('/', begin), url.size());
    const std::string authority = url.substr(begin, end - begin);
    const size_t at = authority.rfind('@');
    const bool in_front = at != authority.npos && authority.substr(0, at).find(':') != authority.npos;
    if (in_front || url.find("password=") != url.npos)
      file_.remarks.push_back(
          "the URL of the store has a password; PGPASSWORD or ~/.pgpass keep it out of the file");
  }

  const toml::table& table_;
  PlatformFile& file_;
  std::optional<Error> error_;
};

}  // namespace

Result<PlatformFile> parse_platform_file(std::string_view toml, const std::filesystem::path& path) {
  PlatformFile file;
  file.path = path;
  if (toml.size() > kFileMax) return Error{Code::invalid, path.string() + " is longer than a mebibyte"};
  try {
    const toml::table table = toml::parse(toml);
    if (auto failed = Reader(table, file).read()) return *failed;
  } catch (const toml::parse_error& e) {
    return Error{Code::invalid, path.string() + " line " + std::to_string(e.source().begin.line) + ": " +
                                    std::string(e.description())};
  }
  return file;
}

Result<PlatformFile> read_platform_file(const std::filesystem::path& path) {
  std::error_code failed;
  std::filesystem::path file = std::filesystem::absolute(path, failed).lexically_normal();
  if (std::filesystem::is_directory(file, failed)) file /= "platform.toml";
  if (!std::filesystem::exists(file, failed))
    return Error{Code::not_found, "there is no platform at " + path.string() +
                                      "; make one with 'autark platform init --dir DIR', or name its file"};
  const auto folder = file.parent_path();
  for (const auto& place : {file, folder}) {
    AUTARK_TRY(const Others others, open_to_others(place));
    if (others == Others::write)
      return Error{Code::invalid, place.string() + " can be written by other users; chmod go-w it"};
  }
  AUTARK_TRY(const std::string text, read_bounded(file, kFileMax));
  AUTARK_TRY(PlatformFile made, parse_platform_file(text, file));
  AUTARK_TRY(const Others others, open_to_others(file));
  if (others != Others::none)
    made.remarks.push_back(file.string() + " can be read by other users; chmod 600 it");
  return made;
}

}  // namespace autark::platform
