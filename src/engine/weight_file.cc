#include "engine/weight_file.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "base/check.h"
#include "base/mapped_pages.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace autark::engine {
namespace {

constexpr int64_t kPage = 4096, kLargePage = 2 << 20;
constexpr int64_t kRegion = int64_t{1} << 30;  // of addresses, not of memory
constexpr char kMagic[8] = {'a', 'u', 't', 'a', 'r', 'k', 'w', '1'};
constexpr uint64_t kEntriesMax = uint64_t{1} << 24;

struct Header {
  char magic[8];
  WeightFileNames names;
  uint64_t table_at, entries;
  uint64_t table_sum;  // of the table
  uint64_t sum;        // of this header up to here
};
struct Entry {
  Digest name;
  uint64_t at, bytes, sum;
};
static_assert(sizeof(Header) == 72 && sizeof(Entry) == 40);

uint64_t sum_of(const void* bytes, size_t n) {
  return XXH3_64bits(bytes, n);
}
uint64_t sum_of(const Header& h) {
  return sum_of(&h, offsetof(Header, sum));
}

int64_t rounded_up(int64_t bytes, int64_t to) {
  return (bytes + to - 1) / to * to;
}

Error damaged(const std::filesystem::path& path, const char* what) {
  return Error{Code::invalid, path.string() + ": no usable weight cache: " + what};
}

Error failed(const std::filesystem::path& path, const char* what) {
  return Error{Code::io, "weight cache " + path.string() + ": cannot " + what + ": " + std::strerror(errno) +
                             "; --no-weight-cache does without"};
}

bool write_all(int fd, const void* from, size_t bytes, int64_t at) {
  const char* p = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(fd, p, bytes, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n, at += n, bytes -= static_cast<size_t>(n);
  }
  return true;
}

// So that the new name, too, survives a loss of power.
bool sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = ::fsync(fd) == 0;
  ::close(fd);
  return ok;
}

}  // namespace

Digest digest_of(std::span<const std::byte> bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.low64, h.high64};
}

Result<WeightFile> WeightFile::open(const std::filesystem::path& path) {
  AUTARK_TRY(MappedFile file, MappedFile::open(path));
  ask_for_large_pages(file.bytes());
  WeightFile opened(std::move(file));
  if (auto e = opened.read_table()) return *e;
  return opened;
}

std::optional<Error> WeightFile::read_table() {
  const auto& path = file_.path();
  const std::span<const std::byte> all = file_.bytes();
  Header h;
  if (all.size() < size_t(kPage)) return damaged(path, "it is too short");
  std::memcpy(&h, all.data(), sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) return damaged(path, "it is another kind of file");
  if (h.sum != sum_of(h)) return damaged(path, "its header is damaged");
  if (h.entries > kEntriesMax || h.table_at > all.size() ||
      all.size() - h.table_at != h.entries * sizeof(Entry))
    return damaged(path, "it has another length than its header says");
  const std::byte* table = all.data() + h.table_at;
  if (sum_of(table, h.entries * sizeof(Entry)) != h.table_sum) return damaged(path, "its table is damaged");
  for (uint64_t i = 0; i < h.entries; ++i) {
    Entry e;
    std::memcpy(&e, table + i * sizeof e, sizeof e);
    if (e.at % kPage || e.at > h.table_at || e.bytes > h.table_at - e.at)
      return damaged(path, "an entry lies outside of it");
    entries_[e.name] = {e.at, e.bytes, e.sum};
  }
  names_ = h.names;
  return file_.change();
}

std::optional<std::span<const std::byte>> WeightFile::find(const Digest& form, int64_t bytes) const {
  const auto it = entries_.find(form);
  if (it == entries_.end() || it->second.bytes != uint64_t(bytes)) return {};
  const auto found = file_.bytes().subspan(it->second.at, it->second.bytes);
  if (sum_of(found.data(), found.size()) != it->second.sum) return {};
  return found;
}

Result<std::unique_ptr<WeightFileWriter>> WeightFileWriter::create(const std::filesystem::path& path,
                                                                   const WeightFileNames& names) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return failed(path, "create it");
  std::unique_ptr<WeightFileWriter> w(new WeightFileWriter(path, fd, names));
  w->end_ = kPage;
  return w;
}

WeightFileWriter::~WeightFileWriter() {
  for (Region& r : regions_) {
    r.guard = {};
    ::munmap(r.mapped.data(), r.mapped.size());
  }
  ::close(fd_);
  if (!committed_) ::unlink(path_.c_str());
}

std::byte* WeightFileWriter::add(const Digest& form, int64_t bytes) {
  const int64_t size = rounded_up(std::max<int64_t>(bytes, 1), kPage);
  if (!make_room(size)) return nullptr;
  const Region& r = regions_.back();
  const auto mapped = r.mapped.subspan(end_ - r.at, bytes);
  forms_.push_back({form, end_, mapped});
  end_ += size;
  return mapped.data();
}

// Whole large pages of the file, so that none of them is touched before it is there.
bool WeightFileWriter::make_room(int64_t bytes) {
  const bool fits =
      !regions_.empty() && end_ + bytes <= regions_.back().at + std::ssize(regions_.back().mapped);
  if (!fits && !map_region(bytes)) return false;
  const int64_t more = rounded_up(end_ + bytes, kLargePage) - allocated_;
  if (more <= 0) return true;
  if (::posix_fallocate(fd_, allocated_, more) != 0) return false;
  allocated_ += more;
  return true;
}

bool WeightFileWriter::map_region(int64_t bytes) {
  if (!regions_.empty()) end_ = rounded_up(end_, kLargePage);
  const int64_t at = regions_.empty() ? 0 : end_;
  const int64_t size = rounded_up(std::max(kRegion, end_ - at + bytes), kLargePage);
  void* const to = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, at);
  if (to == MAP_FAILED) return false;
  const std::span<std::byte> mapped(static_cast<std::byte*>(to), size);
  ask_for_large_pages(mapped);
  regions_.push_back({at, mapped, MappingGuard(mapped)});
  return true;
}

std::span<const std::byte> WeightFileWriter::filled(const std::byte* form) {
  const auto it = std::ranges::find(forms_, form, [](const Form& f) { return f.mapped.data(); });
  AUTARK_CHECK(it != forms_.end());
  it->filled = true;
  it->sum = sum_of(it->mapped.data(), it->mapped.size());
  ::sync_file_range(fd_, it->at, std::ssize(it->mapped), SYNC_FILE_RANGE_WRITE);
  return it->mapped;
}

bool WeightFileWriter::damaged() const {
  return std::ranges::any_of(regions_, [](const Region& r) { return r.guard.marked(); });
}

// The header comes last, and only when all before it is on the disk.
std::optional<Error> WeightFileWriter::write_table() {
  std::vector<Entry> table;
  for (const Form& f : forms_)
    if (f.filled) table.push_back({f.name, uint64_t(f.at), uint64_t(f.mapped.size()), f.sum});
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.names = names_;
  h.table_at = uint64_t(end_);
  h.entries = table.size();
  h.table_sum = sum_of(table.data(), table.size() * sizeof(Entry));
  h.sum = sum_of(h);
  const auto length = static_cast<off_t>(end_ + table.size() * sizeof(Entry));
  if (::ftruncate(fd_, length) != 0) return failed(path_, "write it");  // a full disk left more
  if (!write_all(fd_, table.data(), table.size() * sizeof(Entry), end_)) return failed(path_, "write it");
  for (const Region& r : regions_)
    if (::msync(r.mapped.data(), r.mapped.size(), MS_SYNC) != 0) return failed(path_, "write it");
  if (::fsync(fd_) != 0 || !write_all(fd_, &h, sizeof h, 0) || ::fsync(fd_) != 0)
    return failed(path_, "write it");
  return {};
}

std::optional<Error> WeightFileWriter::commit(const std::filesystem::path& name) {
  if (auto e = write_table()) return e;
  if (damaged())
    return Error{Code::io, "weight cache " + path_.string() + ": was truncated while it was written"};
  if (::rename(path_.c_str(), name.c_str()) != 0 || !sync_folder(name.parent_path()))
    return failed(name, "give it its name");
  path_ = name;
  committed_ = true;
  for (const Region& r : regions_) ::mprotect(r.mapped.data(), r.mapped.size(), PROT_READ);
  return {};
}

}  // namespace autark::engine
