#include "apps/prefix_cache_options.h"
#include "base/mapped_file.h"

namespace autark::apps {
namespace {

constexpr size_t kPublicBytesMax = size_t{4} << 20;  // of one file

}  // namespace

void add_prefix_cache_options(const Command& c, PrefixCacheArguments& a) {
  c.option("--cache-memory", a.memory,
           "Bytes for the state of prompts and answers that later requests may begin with; 0: none is kept "
           "(a quarter of what is left after loading)",
           {.rule = whole_number(0, int64_t{1} << 50), .kind = "BYTES"});
  c.option(
      "--cache-dir", a.folder,
      "Keep that state in this folder, too, so that it survives a restart. Its files hold what the model "
      "computed of all users' prompts, can be read by this user only, and are found by the same prompts; "
      "see 'autark cache' (none)",
      {.kind = "DIR"});
  c.option(
      "--cache-bytes", a.disk_bytes,
      "Bytes of the files in --cache-dir, of all models; the longest unused are removed, and 5 GB of the "
      "disk stay free in any case (a tenth of what is free)",
      {.rule = whole_number(1, int64_t{1} << 50), .kind = "BYTES"});
  c.option(
      "--cache-isolation", a.isolation,
      "Who shares that state: user: the requests of one user (a request without one shares with all others "
      "without one); key: all of one API key; none: all. On a server with accounts users are those of one "
      "API key; without accounts key means none",
      {.rule = one_of({"none", "key", "user"}), .shows_default = true});
  c.option("--public-prefix", a.public_files,
           "The state of this text is shared by all users, in prompts that begin with it: as a system "
           "message, or as "
           "the rendered beginning of a prompt (autark text render); may be given again",
           {.one_value_each = true, .kind = "FILE"});
  c.flag("--keep-attribution", a.keep_attribution,
         "Leave the line 'x-anthropic-billing-header: …' of Claude Code in the prompt; it changes often, and "
         "nothing behind a change is reused");
}

serve::CacheIsolation isolation_of(const PrefixCacheArguments& a) {
  if (a.isolation == "none") return serve::CacheIsolation::none;
  return a.isolation == "key" ? serve::CacheIsolation::key : serve::CacheIsolation::user;
}

Result<engine::DiskOptions> disk_of(const PrefixCacheArguments& a) {
  if (a.folder.empty() && a.disk_bytes > 0)
    return Error{Code::invalid, "--cache-bytes needs --cache-dir, the folder that it limits"};
  if (!a.folder.empty() && a.memory == 0)
    return Error{Code::invalid, "--cache-dir needs memory to read into; leave out --cache-memory 0"};
  return engine::DiskOptions{.folder = a.folder, .bytes_max = a.disk_bytes};
}

Result<std::vector<std::string>> public_texts_of(const PrefixCacheArguments& a) {
  std::vector<std::string> texts;
  for (const std::string& file : a.public_files) {
    auto text = read_file(file, kPublicBytesMax);
    if (!text) return Error{text.error().code, "--public-prefix: " + text.error().message};
    texts.push_back(std::move(*text));
  }
  return texts;
}

}  // namespace autark::apps
