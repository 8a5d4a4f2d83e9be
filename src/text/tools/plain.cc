// A syntax without markup. Only if the prompt has opened reasoning, the text up to the first </think> is
// reasoning, and the newlines around </think> are removed with it. All other text is content, unchanged.
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"

namespace autark::text {
namespace {

constexpr std::string_view kMarkers[] = {"</think>"};

class PlainParser final : public OutputParser {
 public:
  explicit PlainParser(bool in_reasoning) : reasoning_(in_reasoning) { gate_.begin(in_reasoning); }

  std::vector<OutputPiece> push(std::string_view text) override {
    for (const char c : text) {
      std::string freed;
      const int hit = reasoning_ ? scanner_.push(c, kMarkers, freed) : (freed = c, -1);
      give(freed);
      if (hit < 0) continue;
      reasoning_ = false;
      gate_.begin(true);
    }
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool) override {
    give(scanner_.take());
    std::string rest;
    gate_.flush(rest);
    add(rest);
    return pieces_.take();
  }

 private:
  void give(std::string_view text) {
    std::string out;
    gate_.push(text, out);
    if (!reasoning_) gate_.flush(out);
    add(out);
  }
  void add(std::string_view text) {
    pieces_.add(reasoning_ ? OutputPiece::Kind::reasoning : OutputPiece::Kind::content, -1, text);
  }

  bool reasoning_;
  MarkerScanner scanner_;
  TextGate gate_;
  PieceList pieces_;
};

}  // namespace

std::unique_ptr<OutputParser> make_plain_parser(const ParserOptions& o) {
  return std::make_unique<PlainParser>(o.in_reasoning);
}

}  // namespace autark::text
