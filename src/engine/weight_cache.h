// The store of one loaded model's reordered weights (chips/weight_store.h): files in a folder, made by the
// first start with it and mapped by every later one, also by several processes at once.
//
//   FOLDER/NAME.KEY.0.weights   what a first run needed; .1, .2 …: what later ones needed beside it
//   FOLDER/NAME.part            what is being written
//   FOLDER/NAME.lock            held by the process that writes
//
// Kernels read 2 MiB pages faster than 4 KiB ones. Where the system gives a form 2 MiB pages of its file, it
// is used where it lies and shared; elsewhere the chip copies it to 2 MiB pages of memory, if there is enough.
//
// KEY names the model's files as they are now (names, sizes, times, samples of their bytes), the rank and the
// layout, so that a changed model or a newer layout finds nothing; what belonged to the same model before is
// then deleted. Without a folder it only lets the checkpoint's pages go.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "chips/weight_store.h"
#include "engine/weight_cache_place.h"
#include "engine/weight_file.h"
#include "weights/weights.h"

namespace autark::engine {

struct WeightCacheOptions {
  WeightCachePlace place;
  int rank = 0, ranks = 1;                      // of the tensor-parallel group
  int64_t bytes_expected = 0;                   // of all forms, to compare with the free space
  int64_t memory_free = INT64_MAX;              // forms that take more stay mapped
  std::function<void(const std::string&)> say;  // a sentence for the person at the terminal; may be empty
};

class WeightCache final : public WeightStore {
 public:
  // `weights` outlives the cache.
  WeightCache(const Weights& weights, std::string model_name, WeightCacheOptions options);
  ~WeightCache() override;

  Place place(const Weight& w, std::string_view layout, int64_t bytes) override;
  bool filled(const Place& place) override;
  void copied(std::span<const std::byte> part) override;
  void release(const Weight& w, int64_t part, int64_t first_row, int64_t rows) override;

  // Everything was asked for once: what is new is written to the disk. An Error: the disk did not take it,
  // and the forms cannot be trusted.
  std::optional<Error> commit();
  // A file of the cache was truncated or rewritten in use. After commit() from any thread.
  std::optional<Error> change() const;
  // Of the forms that are used where they lie in the files.
  int64_t mapped_bytes() const { return cached_bytes_ - copied_bytes_; }
  // "7.0 GB in /models/x/.autark, mapped", or why there is none.
  std::string line() const;

 private:
  void open(std::string_view layout);
  void open_files();
  std::optional<Digest> digest_of(const Weight& w, int64_t form_bytes) const;
  void add_part(std::vector<uint64_t>& words, const std::byte* at, int64_t bytes) const;
  void forget(const std::byte* at, int64_t bytes) const;
  Place found(const Digest& form, int64_t bytes);
  std::byte* add(const Digest& form, int64_t bytes);
  bool may_write();
  bool stays(std::span<const std::byte> form);
  bool begin_writing();
  bool lock();
  void unlock();
  bool has_room();
  void give_up(const std::string& why);
  void delete_older();
  std::filesystem::path numbered(int i) const;
  void say(const std::string& sentence) const {
    if (options_.say) options_.say(sentence);
  }

  const Weights& weights_;
  const std::string name_;
  const WeightCacheOptions options_;
  std::string stem_;  // NAME.KEY, once the layout is known
  WeightFileNames names_;
  std::vector<WeightFile> files_;
  std::unique_ptr<WeightFileWriter> writer_;
  int lock_ = -1;
  bool finished_ = false;   // nothing more is added
  bool disk_full_ = false;  // what was added is not kept
  int64_t cached_bytes_ = 0, memory_bytes_ = 0;
  int64_t copied_bytes_ = 0;  // of those in the cache
  std::string why_not_;       // nothing is cached
};

}  // namespace autark::engine
