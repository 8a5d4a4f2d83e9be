// Reads a multipart/form-data body (RFC 7578) from pieces, cut anywhere, and passes each part on as it arrives.
// It holds at most one part's head or one delimiter besides the piece that it is given. Not thread-safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace autark::http {

// The boundary that a Content-Type header states; empty if it is not multipart/form-data or if its boundary is
// not 1 to 70 of the characters that RFC 2046 allows.
std::optional<std::string> multipart_boundary(std::string_view content_type);

struct MultipartLimits {
  size_t head_bytes = 16 << 10;  // of one part's headers, and of what precedes the first part; more: refused
  int part_count = 64;           // more: refused
};

// What the headers of one part say.
struct PartHead {
  std::string name;
  std::optional<std::string> filename;  // as the client wrote it: never a path to open
  std::string content_type;             // empty if the part has none
};

// Takes the parts. A call that returns false ends the reading; no further call follows.
class PartSink {
 public:
  virtual ~PartSink() = default;
  // A part begins. put() follows for its bytes, then end().
  virtual bool begin(PartHead head) = 0;
  // Bytes of the part's content, never empty. How the content is cut into calls is not specified.
  virtual bool put(std::string_view bytes) = 0;
  // The part is whole.
  virtual bool end() = 0;
};

class MultipartReader {
 public:
  // `sink` must outlive the reader. REQUIRES: `boundary` comes from multipart_boundary.
  MultipartReader(std::string_view boundary, PartSink& sink, MultipartLimits limits = {});
  // Reads the next piece of the body. Returns false once the body is refused or the sink has stopped; further
  // pieces are then ignored.
  bool put(std::string_view bytes);
  // Whether the closing delimiter was read. A body that ends before it is cut short. Later bytes are ignored.
  bool is_whole() const { return stage_ == Stage::whole; }
  // Why the body is refused, one sentence; empty if it is not, and if the sink has stopped.
  const std::string& refusal() const { return refusal_; }

 private:
  enum class Stage { preamble, delimiter, head, content, whole, stopped };
  bool step();
  bool read_preamble();
  bool read_delimiter();
  bool read_head();
  bool read_content();
  bool stop(std::string reason);
  std::string_view rest() const { return std::string_view(held_).substr(at_); }

  const std::string delimiter_;  // CR LF, two hyphens, the boundary
  PartSink& sink_;
  const MultipartLimits limits_;
  Stage stage_ = Stage::preamble;
  std::string held_ = "\r\n";  // as if a line had ended before the body, so that all delimiters look alike
  size_t at_ = 0;              // bytes of held_ that are read
  size_t preamble_bytes_ = 0;
  int part_count_ = 0;
  std::string refusal_;
};

}  // namespace autark::http
