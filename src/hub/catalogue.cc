#include "hub/catalogue.h"
#include <toml++/toml.h>
#include "base/log.h"
#include "hub/names.h"

namespace autark::hub {
namespace {

// Reads the fields of one table and keeps the first error.
class Fields {
 public:
  Fields(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  std::string text(const char* key) {
    const auto value = table_[key].value_exact<std::string>();
    if (!value || value->empty()) fault(key, "a text");
    return value.value_or("");
  }
  int64_t count(const char* key) {
    const auto value = table_[key].value_exact<int64_t>();
    if (value.value_or(0) <= 0) fault(key, "a number above 0");
    return value.value_or(0);
  }
  bool flag(const char* key) {
    const auto value = table_[key].value_exact<bool>();
    if (!value) fault(key, "true or false");
    return value.value_or(false);
  }
  const toml::array& tables(const char* key) {
    static const toml::array kNone;
    const toml::array* list = table_[key].as_array();
    if (list && !list->empty() && list->is_homogeneous(toml::node_type::table)) return *list;
    fault(key, "a list of tables");
    return kNone;
  }
  void fault(const char* key, const char* wanted) {
    if (!error) error = Error{Code::invalid, where_ + ": " + key + " must be " + wanted};
  }
  std::optional<Error> error;

 private:
  const toml::table& table_;
  const std::string where_;
};

// `whole`: of a whole repository.
Result<Source> parse_source(const toml::table& table, const std::string& where, bool whole) {
  Fields fields(table, where);
  Source source;
  const std::string kind = fields.text("kind");
  if (kind == "packages" && !whole) {
    for (const toml::node& node : fields.tables("parts")) {
      Fields part(*node.as_table(), where);
      source.parts.push_back({part.text("package"), part.text("version"), part.text("member")});
      if (part.error) return *part.error;
    }
  } else if (kind == "huggingface" || kind == "modelscope") {
    source.kind = kind == "huggingface" ? Source::Kind::huggingface : Source::Kind::modelscope;
    source.repository = fields.text("repository");
    source.revision = fields.text("revision");
    if (!whole) source.file = fields.text("file");
  } else {
    fields.fault("kind",
                 whole ? "huggingface or modelscope, without a file" : "packages, huggingface or modelscope");
  }
  if (fields.error) return *fields.error;
  return source;
}

void read_file(Fields& fields, Entry& e) {
  e.file = fields.text("file");
  e.bytes = fields.count("bytes");
  e.sha256 = fields.text("sha256");
  if (!is_sha256(e.sha256)) fields.fault("sha256", "64 hex digits in lower case");
  if (!is_safe_path(e.file)) fields.fault("file", "a plain file name");
}

Result<Entry> entry_of(const toml::table& table, const CatalogueFile& file) {
  const std::string where = "catalogue/" + std::string(file.name) + ".toml";
  Fields fields(table, where);
  Entry e;
  e.name = file.name;
  e.title = fields.text("title");
  e.licence = fields.text("licence");
  e.chat = fields.flag("chat");
  const bool whole = !table.contains("file");
  if (whole)
    e.parameters = fields.count("parameters");
  else
    read_file(fields, e);
  if (!is_safe_path(e.name)) fields.fault("file", "a plain file name");
  for (const toml::node& node : fields.tables("source")) {
    AUTARK_TRY(Source source, parse_source(*node.as_table(), where, whole));
    e.sources.push_back(std::move(source));
  }
  if (fields.error) return *fields.error;
  return e;
}

}  // namespace

Result<Entry> parse_entry(const CatalogueFile& file) {
  try {
    return entry_of(toml::parse(file.text), file);
  } catch (const toml::parse_error& e) {
    return Error{Code::invalid, "catalogue/" + std::string(file.name) +
                                    ".toml: " + std::string(e.description()) + " in line " +
                                    std::to_string(e.source().begin.line)};
  }
}

Reference reference_of(const Source& source) {
  const bool hf = source.kind == Source::Kind::huggingface;
  return {.kind = hf ? Reference::Kind::huggingface : Reference::Kind::modelscope,
          .repository = source.repository,
          .revision = source.revision,
          .text = (hf ? "hf:" : "modelscope:") + source.repository};
}

std::optional<Entry> find_entry(std::string_view name) {
  for (const CatalogueFile& file : catalogue_files()) {
    if (file.name != name) continue;
    auto entry = parse_entry(file);
    if (entry) return std::move(*entry);
    log_error(entry.error().message);
  }
  return std::nullopt;
}

std::vector<CatalogueEntry> catalogue() {
  std::vector<CatalogueEntry> all;
  for (const CatalogueFile& file : catalogue_files()) {
    if (auto entry = find_entry(file.name)) all.push_back(std::move(*entry));
  }
  return all;
}

}  // namespace autark::hub
