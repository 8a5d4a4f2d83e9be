// The chip's memory: pages directly from the system, large pages where available.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace autark {

class Pages {  // zero until written, aligned to a page; owned
 public:
  Pages() = default;
  explicit Pages(int64_t bytes);
  Pages(Pages&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
  Pages& operator=(Pages&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  ~Pages();
  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

// Bump allocation for one step. reset() starts again on the same pages, so after the first steps no memory is
// requested from the system. Memory stays readable after reset() until it is handed out again.
class Arena {
 public:
  void* take(int64_t bytes);  // 64-aligned
  template <class T>
  T* take_of(int64_t n) {
    return static_cast<T*>(take(n * static_cast<int64_t>(sizeof(T))));
  }
  void reset() { at_ = 0, used_ = 0; }

 private:
  std::vector<Pages> chunks_;
  size_t at_ = 0;  // index of the chunk in use
  int64_t used_ = 0;
};

}  // namespace autark
