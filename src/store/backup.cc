#include "store/backup.h"
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>
#include "base/fnv.h"
#include "base/json.h"
#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr size_t kLineBytesMax = size_t{256} << 20;  // restore() reads no longer ones

// A file that is there under its name once it is whole. Removed before that, if this ends.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path) : path_(std::move(path)), part_(path_.string() + ".part") {}
  ~NewFile() {
    if (!file_) return;
    std::fclose(file_);
    ::unlink(part_.c_str());
  }
  NewFile(const NewFile&) = delete;

  // Begins anew.
  std::optional<Error> open() {
    if (file_) std::fclose(std::exchange(file_, nullptr));
    if (std::filesystem::exists(path_))
      return Error{Code::invalid, "backup: " + path_.string() + " is there already; name a new file"};
    const int f = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f < 0) return failed();
    file_ = ::fdopen(f, "w");
    hash_ = kFnvSeed;
    rows_ = 0;
    return {};
  }
  std::optional<Error> line(const Json& json) {
    const std::string text = dump_json(json) + "\n";
    if (text.size() > kLineBytesMax)
      return Error{Code::unsupported, "backup: a row is larger than 256 MiB; shorten its texts"};
    hash_ = fnv1a(text, hash_);
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) return failed();
    return {};
  }
  std::optional<Error> row(const Json& values) {
    ++rows_;
    return line(values);
  }
  std::optional<Error> finish() {
    if (auto fault = line({{"rows", rows_}, {"sum", fmt::format("{:016x}", hash_)}})) return fault;
    const bool whole = std::fflush(file_) == 0 && ::fsync(::fileno(file_)) == 0;
    if (!whole || ::rename(part_.c_str(), path_.c_str()) != 0) return failed();
    std::fclose(std::exchange(file_, nullptr));
    return keep_name();
  }

 private:
  // Makes the new name durable.
  std::optional<Error> keep_name() const {
    const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const int f = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool kept = f >= 0 && ::fsync(f) == 0;
    if (f >= 0) ::close(f);
    return kept ? std::nullopt : std::optional(failed());
  }
  Error failed() const {
    return {Code::io,
            "backup: " + part_ + " cannot be written; choose a folder with room, which you may write"};
  }

  const std::filesystem::path path_;
  const std::string part_;
  std::FILE* file_ = nullptr;
  uint64_t hash_ = kFnvSeed;
  int64_t rows_ = 0;
};

Json json_of(const Row& row) {
  Json list = Json::array();
  for (size_t i = 0; i < row.columns(); ++i) {
    const Value& value = row.value(i);
    if (const auto* number = std::get_if<int64_t>(&value))
      list.push_back(*number);
    else if (const auto* text = std::get_if<std::string>(&value))
      list.push_back(*text);
    else
      list.push_back(nullptr);
  }
  return list;
}

std::string listed(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + quoted(column);
  return list;
}

std::optional<Error> write_table(Transaction& t, bool is_shared, const TableFacts& table, NewFile& out) {
  Json head{{"table", table.name}, {"columns", table.columns}};
  if (!table.serial.empty()) {
    const auto last = last_serial(t, is_shared, table);
    if (!last) return last.error();
    head["last"] = *last;
  }
  if (auto fault = out.line(head)) return fault;
  std::string all = "SELECT " + listed(table.columns) + " FROM " + quoted(table.name);
  if (!table.serial.empty()) all += " ORDER BY " + quoted(table.serial);
  return t.each(all, {}, [&](const Row& row) { return out.row(json_of(row)); });
}

std::optional<Error> write_all(Transaction& t, bool is_shared, NewFile& out) {
  if (auto fault = out.open()) return fault;  // also when the transaction runs again
  const auto version = schema_version(t, is_shared);
  if (!version) return version.error();
  const auto tables = table_facts(t, is_shared);
  if (!tables) return tables.error();
  if (auto fault = out.line({{"autark_backup", 1}, {"version", *version}})) return fault;
  for (const TableFacts& table : *tables)
    if (auto fault = write_table(t, is_shared, table, out)) return fault;
  return {};
}

}  // namespace

std::optional<Error> backup(Database& database, const std::filesystem::path& file) {
  NewFile out(file);
  const bool is_shared = database.is_shared();
  if (auto fault = database.read([&](Transaction& t) { return write_all(t, is_shared, out); })) return fault;
  return out.finish();
}

}  // namespace autark::storage
