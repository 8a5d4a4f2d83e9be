// Memory the chip owns: pages straight from the system, in large pages where there are any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace autark {

class Pages {  // zeroed until written, aligned to a page
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

// Bump allocation for one step; reset() starts again on the same pages, so that after the first steps nothing
// is asked of the system any more. What was taken stays readable until it is taken again.
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
  size_t at_ = 0;  // the chunk in use
  int64_t used_ = 0;
};

}  // namespace autark
