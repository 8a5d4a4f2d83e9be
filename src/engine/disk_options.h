// What the disk tier of kept state may use, and what it has done.
#pragma once
#include <cstdint>
#include <filesystem>

namespace autark::engine {

struct DiskOptions {
  std::filesystem::path folder;        // empty: no disk tier
  int64_t bytes_max = 0;               // of all files in the folder; 0: a tenth of what is free at the start
  int64_t free_least = 5'000'000'000;  // bytes of the disk that are left free
  double scan_seconds = 10;            // files of other processes are looked for so often
  int64_t queue_bytes_max = int64_t{1} << 28;  // that wait for being written; more stay in memory only
};

struct DiskStats {
  int64_t entries = 0, bytes = 0,
          bytes_max = 0;     // of this program; of all programs in the folder; their limit
  int64_t queued_bytes = 0;  // that wait for being written
  // Entries. skipped: the queue was full. failed: the disk was full or refused; damaged: dropped, not used.
  uint64_t written = 0, read = 0, evicted = 0, skipped = 0, failed = 0, damaged = 0;
};

}  // namespace autark::engine
