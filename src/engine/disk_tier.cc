#include "engine/disk_tier.h"
#include <algorithm>
#include <chrono>
#include <utility>
#include "base/check.h"
#include "base/log.h"

namespace autark::engine {
namespace {

constexpr double kLastSeconds = 1;      // for the queue when the engine ends
constexpr double kRefusedSeconds = 10;  // without entries after the disk has refused one

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

DiskTier::DiskTier(std::unique_ptr<EntryFolder> folder, int64_t queue_bytes_max, std::function<void()> wake)
    : folder_(std::move(folder)), queue_bytes_max_(queue_bytes_max), wake_(std::move(wake)) {
  thread_ = std::thread([this] { run(); });
}

DiskTier::~DiskTier() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    stop_at_ = steady_seconds() + kLastSeconds;
  }
  changed_.notify_all();
  thread_.join();
}

bool DiskTier::has(const EntryId& id) const {
  if (holds(id)) return true;
  const std::lock_guard lock(mutex_);
  return queued_.contains(id);
}

int64_t DiskTier::room() const {
  const std::lock_guard lock(mutex_);
  return steady_seconds() < refused_until_ ? 0 : std::max<int64_t>(0, queue_bytes_max_ - queued_bytes_);
}

void DiskTier::skip() {
  const std::lock_guard lock(mutex_);
  ++skipped_;
}

void DiskTier::write(std::vector<Entry> entries, std::vector<Sha256> path) {
  {
    const std::lock_guard lock(mutex_);
    for (Entry& e : entries) {
      queued_.insert(e.id);
      queued_bytes_ += std::ssize(e.bytes);
      writes_.push_back({std::move(e), {}});
    }
    writes_.push_back({{}, std::move(path)});
  }
  changed_.notify_all();
}

void DiskTier::read(std::vector<Wanted> wanted) {
  {
    const std::lock_guard lock(mutex_);
    AUTARK_CHECK(!wanted_ && !found_);
    wanted_ = std::move(wanted);
  }
  changed_.notify_all();
}

std::optional<DiskTier::Found> DiskTier::take_read() {
  const std::lock_guard lock(mutex_);
  return std::exchange(found_, {});
}

void DiskTier::clear() {
  {
    const std::lock_guard lock(mutex_);
    writes_.clear(), queued_.clear();
    queued_bytes_ = 0;
    clear_ = true;
  }
  changed_.notify_all();
}

void DiskTier::wait_until_clear() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !clear_; });
}

DiskStats DiskTier::stats() const {
  DiskStats s = folder_->stats();
  const std::lock_guard lock(mutex_);
  s.queued_bytes = queued_bytes_;
  s.skipped = skipped_;
  return s;
}

void DiskTier::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || clear_ || wanted_ || !writes_.empty(); });
    if (clear_) {
      lock.unlock();
      folder_->clear();
      lock.lock();
      clear_ = false;
      changed_.notify_all();
    } else if (stop_ && (writes_.empty() || steady_seconds() > stop_at_)) {
      return;
    } else if (wanted_) {
      const auto wanted = *wanted_;
      lock.unlock();
      carry_out(wanted);
      lock.lock();
    } else if (!writes_.empty()) {
      const Write w = std::move(writes_.front());
      writes_.pop_front();
      lock.unlock();
      carry_out(w);
      lock.lock();
    }
  }
}

void DiskTier::carry_out(const std::vector<Wanted>& wanted) {
  Found found;
  for (const Wanted& w : wanted) found.push_back(folder_->read(w.id, w.bytes));
  {
    const std::lock_guard lock(mutex_);
    wanted_.reset();
    found_ = std::move(found);
  }
  wake_();
}

void DiskTier::carry_out(const Write& w) {
  folder_->touch(w.path);
  if (!w.entry) return;
  const bool stored = folder_->write(*w.entry);
  if (!stored && !std::exchange(complained_, true))
    log_warning("prefix cache: the disk is full or cannot be written; new state is kept in memory only");
  if (stored) complained_ = false;
  const std::lock_guard lock(mutex_);
  if (!stored) refused_until_ = steady_seconds() + kRefusedSeconds;
  if (queued_.erase(w.entry->id)) queued_bytes_ -= std::ssize(w.entry->bytes);
}

}  // namespace autark::engine
