// The keys of a platform as they were at one version of the directory: in memory, found by the hash of a secret. Does not
// change, except for the times of last use.
#pragma once
#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>
#include "api/caller.h"
#include "platform/addresses.h"
#include "platform/clock.h"
#include "platform/secrets.h"
#include "store/database.h"

namespace autark::platform {

// A key that may be used until it expires: it, its workspace, account and member are not disabled.
struct KeyRecord {
  std::shared_ptr<const api::Caller> caller;
  std::vector<std::string> routes;  // paths, or beginnings of paths with a * behind
  std::vector<Network> networks;
  bool any_address = true;
  Micros expires = 0;  // 0: never
  mutable std::atomic<Micros> used = 0;

  bool has_route(std::string_view path) const;
  bool has_address(std::string_view address) const;
  // True if a minute or more has passed since the last use that was noted.
  bool note_use(Micros now) const;
};

class KeySnapshot {
 public:
  int64_t version = 0;
  // Null if there is none, or if it or the secret has expired.
  const KeyRecord* by_secret(std::string_view secret, Micros now) const;
  const KeyRecord* by_id(const std::string& id, Micros now) const;

 private:
  friend class SnapshotReader;
  struct Secret {
    const KeyRecord* key = nullptr;
    Micros expires = 0;
  };
  struct FirstBytes {
    size_t operator()(const Hash& hash) const;
  };
  std::unordered_map<std::string, std::unique_ptr<KeyRecord>> keys_;
  std::unordered_map<Hash, Secret, FirstBytes> secrets_;
};

// Null if the directory still has this version.
Result<std::shared_ptr<const KeySnapshot>> read_key_snapshot(storage::Database& database, int64_t known);
// The later time counts if two servers write.
std::optional<Error> write_key_uses(storage::Database& database,
                                    const std::unordered_map<std::string, Micros>& uses);

}  // namespace autark::platform
