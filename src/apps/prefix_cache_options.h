// Options of `serve` for the state that is kept for later requests with the same beginning.
#pragma once
#include <string>
#include <vector>
#include "apps/command_line.h"
#include "base/result.h"
#include "engine/disk_options.h"
#include "serve/cache_domain.h"

namespace autark::apps {

struct PrefixCacheArguments {
  int64_t memory = -1;  // bytes; −1: a quarter of what is left after loading
  std::string isolation = "user";
  bool keep_attribution = false;
  std::string folder;                     // of the disk tier; empty: none
  int64_t disk_bytes = 0;                 // of this folder; 0: a tenth of what is free
  std::vector<std::string> public_files;  // paths of texts that all may share
};

void add_prefix_cache_options(const Command& c, PrefixCacheArguments& a);
// REQUIRES: a.isolation is a value that the option takes.
serve::CacheIsolation isolation_of(const PrefixCacheArguments& a);
// Code::invalid if the options do not go together.
Result<engine::DiskOptions> disk_of(const PrefixCacheArguments& a);
// The texts of --public-prefix.
Result<std::vector<std::string>> public_texts_of(const PrefixCacheArguments& a);

}  // namespace autark::apps
