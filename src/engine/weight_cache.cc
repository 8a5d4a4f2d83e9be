#include "engine/weight_cache.h"
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include "base/mapped_pages.h"

namespace autark::engine {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds, std::chrono::minutes;

constexpr int64_t kSpare = int64_t{1} << 30;  // of the disk, left to others
constexpr auto kPatience = minutes(15);       // with another process that prepares the same model

std::string gigabytes(int64_t bytes) {
  return fmt::format("{:.1f} GB", double(bytes) / 1e9);
}

Digest digest_of_words(const std::vector<uint64_t>& words) {
  return engine::digest_of(std::as_bytes(std::span(words)));
}

void add_text(std::vector<uint64_t>& words, std::string_view text) {
  const Digest d = engine::digest_of(std::as_bytes(std::span(text)));
  words.insert(words.end(), {d.low, d.high});
}

// Of the file as it is: its name, size and time, and some of its bytes.
void add_file(std::vector<uint64_t>& words, const MappedFile& file) {
  constexpr size_t kSamples = 16, kSample = 4096;
  const std::span<const std::byte> all = file.bytes();
  add_text(words, file.path().filename().string());
  words.push_back(all.size());
  words.push_back(uint64_t(file.written_ns()));
  for (size_t i = 0; i < kSamples; ++i) {
    const size_t at = all.size() / kSamples * i;
    const Digest d = engine::digest_of(all.subspan(at, std::min(kSample, all.size() - at)));
    words.insert(words.end(), {d.low, d.high});
  }
}

// Ranks load in step with each other, so none may wait for the lock of another.
std::string of_rank(std::string name, const WeightCacheOptions& o) {
  return o.ranks == 1 ? name : fmt::format("{}.{}of{}", name, o.rank, o.ranks);
}

}  // namespace

WeightCache::WeightCache(const Weights& weights, std::string model_name, WeightCacheOptions options)
    : weights_(weights), name_(of_rank(std::move(model_name), options)), options_(std::move(options)) {
  if (options_.place.folder.empty()) give_up("it is switched off, or no folder for it can be written");
}

WeightCache::~WeightCache() {
  writer_.reset();  // an unfinished file goes before another process may begin one
  unlock();
}

void WeightCache::unlock() {
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

fs::path WeightCache::numbered(int i) const {
  return options_.place.folder / fmt::format("{}.{}{}", stem_, i, kWeightFileEnding);
}

void WeightCache::open(std::string_view layout) {
  std::vector<uint64_t> model, owner;
  add_text(model, layout);
  add_text(owner, layout.substr(0, layout.find('/')));
  for (auto* words : {&model, &owner})
    words->insert(words->end(), {uint64_t(options_.rank), uint64_t(options_.ranks)});
  for (const MappedFile* f : weights_.files()) {
    add_file(model, *f);
    std::error_code failed;
    add_text(owner, fs::weakly_canonical(f->path(), failed).string());
  }
  names_ = {digest_of_words(model), digest_of_words(owner)};
  stem_ = fmt::format("{}.{:016x}", name_, names_.model.low);
  open_files();
}

// Adds the files that are there now and were not before. Those that are open stay: forms of them are in use.
void WeightCache::open_files() {
  const auto is_open = [&](const fs::path& path) {
    return std::ranges::any_of(files_, [&](const WeightFile& f) { return f.file().path() == path; });
  };
  for (const fs::path& path : weight_files_in(options_.place.folder, stem_ + ".")) {
    if (is_open(path)) continue;
    auto file = WeightFile::open(path);
    if (file && file->names().model == names_.model) files_.push_back(std::move(*file));
  }
}

// Where the part lies in the model's files; what is not of a file (a copy) by its contents.
void WeightCache::add_part(std::vector<uint64_t>& words, const std::byte* at, int64_t bytes) const {
  uint64_t index = 0;
  for (const MappedFile* f : weights_.files()) {
    const auto all = f->bytes();
    if (at >= all.data() && at + bytes <= all.data() + all.size()) {
      words.insert(words.end(), {index, uint64_t(at - all.data())});
      return;
    }
    ++index;
  }
  const Digest d = engine::digest_of({at, size_t(bytes)});
  words.insert(words.end(), {d.low, d.high});
}

std::optional<Digest> WeightCache::digest_of(const Weight& w, int64_t form_bytes) const {
  std::vector<uint64_t> words{uint64_t(w.format), uint64_t(w.rows()), uint64_t(w.cols()), w.parts.size(),
                              uint64_t(form_bytes)};
  const Weight one = w.expert(0);
  for (const Part& p : w.parts) {
    if (!p.codes) return {};
    add_part(words, p.codes, w.rows() * row_bytes(w.format, w.cols()));
    if (p.scales) add_part(words, p.scales, autark::bytes_of(one) - w.rows() * row_bytes(w.format, w.cols()));
  }
  return digest_of_words(words);
}

WeightCache::Place WeightCache::found(const Digest& form, int64_t bytes) {
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i].holds(form)) continue;
    if (const auto at = files_[i].find(form, bytes)) {
      cached_bytes_ += bytes;
      return {const_cast<std::byte*>(at->data()), true, stays(*at)};
    }
    say("weight cache: " + files_[i].file().path().string() + " is damaged; what is damaged is made again");
    std::error_code failed;
    fs::remove(files_[i].file().path(), failed);  // what it gave so far stays mapped
  }
  return {};
}

WeightCache::Place WeightCache::place(const Weight& w, std::string_view layout, int64_t bytes) {
  const bool wanted = !options_.place.folder.empty();
  if (wanted && stem_.empty()) open(layout);
  const auto form = wanted ? digest_of(w, bytes) : std::nullopt;
  if (form) {
    if (const Place p = found(*form, bytes); p.bytes) return p;
    if (const bool first = lock_ < 0; may_write()) {
      if (first) open_files();  // another process may have written meanwhile
      if (const Place p = first ? found(*form, bytes) : Place{}; p.bytes) return p;
      if (std::byte* at = add(*form, bytes)) return {at, false};
    }
  }
  memory_bytes_ += bytes;
  return {};
}

std::byte* WeightCache::add(const Digest& form, int64_t bytes) {
  if (!writer_ && !begin_writing()) return nullptr;
  if (std::byte* at = writer_->add(form, bytes)) {
    cached_bytes_ += bytes;
    return at;
  }
  say("weight cache: the disk takes no more; the rest is prepared in memory");
  disk_full_ = finished_ = true;
  return nullptr;
}

bool WeightCache::filled(const Place& place) {
  return stays(writer_->filled(place.bytes));
}

bool WeightCache::stays(std::span<const std::byte> form) {
  static const bool memory_is_faster = memory_has_large_pages();
  if (!memory_is_faster || options_.bytes_expected > options_.memory_free || lies_in_large_pages(form))
    return true;
  copied_bytes_ += std::ssize(form);
  return false;
}

void WeightCache::copied(std::span<const std::byte> part) {
  forget_pages(part);
}

void WeightCache::release(const Weight& w, int64_t part, int64_t first_row, int64_t rows) {
  const int64_t row = row_bytes(w.format, w.cols());
  const Part& p = w.parts[part];
  forget(p.codes + first_row * row, rows * row);
  const bool last = first_row + rows == w.rows();
  if (p.scales && last) forget(p.scales, autark::bytes_of(w.expert(part)) - w.rows() * row);
}

void WeightCache::forget(const std::byte* at, int64_t bytes) const {
  for (const MappedFile* f : weights_.files()) {
    const auto all = f->bytes();
    if (at >= all.data() && at + bytes <= all.data() + all.size()) forget_pages({at, size_t(bytes)});
  }
}

void WeightCache::give_up(const std::string& why) {
  why_not_ = why;
  finished_ = true;
}

bool WeightCache::has_room() {
  std::error_code failed;
  const fs::space_info space = fs::space(options_.place.folder, failed);
  if (failed) return give_up(failed.message()), false;
  if (int64_t(space.available) < options_.bytes_expected + kSpare) {
    give_up(fmt::format("{} has {} free, {} are needed", options_.place.folder.string(),
                        gigabytes(int64_t(space.available)), gigabytes(options_.bytes_expected + kSpare)));
    return false;
  }
  return true;
}

// Waits for another process that has it.
bool WeightCache::lock() {
  const fs::path path = options_.place.folder / (name_ + ".lock");
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return give_up(path.string() + ": " + std::strerror(errno)), false;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (bool told = false; ::flock(lock_, LOCK_EX | LOCK_NB) != 0; told = true) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return give_up(path.string() + ": " + std::strerror(errno)), false;
    if (std::chrono::steady_clock::now() > until) return give_up("another process still prepares it"), false;
    if (!told) say("weight cache: another process prepares this model; waiting for it");
    std::this_thread::sleep_for(milliseconds(50));
  }
  return true;
}

// Asks once, when the first form is not there. False: it is to be prepared in memory.
bool WeightCache::may_write() {
  if (finished_ || lock_ >= 0) return !finished_;
  if (options_.bytes_expected < options_.place.least_bytes)
    return give_up("a model of this size is prepared in memory"), false;
  std::error_code failed, ignored;
  const bool made = fs::create_directories(options_.place.folder, failed);
  if (failed) give_up(options_.place.folder.string() + ": " + failed.message());
  if (!failed && has_room() && lock()) return true;
  if (made) fs::remove(options_.place.folder, ignored);
  say("weight cache: none, " + why_not_ + "; weights are prepared in memory, at every start");
  return false;
}

bool WeightCache::begin_writing() {
  const fs::path path = options_.place.folder / (name_ + ".part");
  std::error_code failed;
  fs::remove(path, failed);  // of a process that was killed
  auto made = WeightFileWriter::create(path, names_);
  if (!made) return give_up(made.error().message), false;
  writer_ = std::move(*made);
  say(fmt::format("weight cache: writing about {} to {}, once; --no-weight-cache prevents it",
                  gigabytes(options_.bytes_expected), options_.place.folder.string()));
  return true;
}

std::optional<Error> WeightCache::commit() {
  finished_ = true;
  std::optional<Error> e;
  if (writer_ && !writer_->committed() && !disk_full_) {
    std::error_code failed;
    int free = 0;
    while (fs::exists(numbered(free), failed)) ++free;
    e = writer_->commit(numbered(free));
    if (!e) delete_older();
  }
  unlock();
  return e;
}

// Files of this model as it was before, and of older layouts.
void WeightCache::delete_older() {
  for (const fs::path& path : weight_files_in(options_.place.folder, name_ + ".")) {
    const auto file = WeightFile::open(path);
    std::error_code failed;
    if (file && file->names().owner == names_.owner && file->names().model != names_.model)
      fs::remove(path, failed);
  }
}

std::optional<Error> WeightCache::change() const {
  for (const WeightFile& f : files_)
    if (auto e = f.file().change()) return e;
  if (writer_ && writer_->damaged())
    return Error{Code::io, "the weight cache was truncated while it was in use; start the program again"};
  return {};
}

std::string WeightCache::line() const {
  if (cached_bytes_ == 0)
    return "none: " + (why_not_.empty() ? "the chip uses the checkpoint as it is" : why_not_);
  const bool written = writer_ && writer_->committed();
  std::string use =
      copied_bytes_ < cached_bytes_ ? "mapped" : "read into memory, which has larger pages here";
  if (copied_bytes_ > 0 && copied_bytes_ < cached_bytes_)
    use += ", " + gigabytes(copied_bytes_) + " of it copied";
  return fmt::format("{} in {}, {}{}{}", gigabytes(cached_bytes_), options_.place.folder.string(),
                     written ? "written now, " : "", use,
                     memory_bytes_ > 0 ? "; " + gigabytes(memory_bytes_) + " prepared in memory" : "");
}

}  // namespace autark::engine
