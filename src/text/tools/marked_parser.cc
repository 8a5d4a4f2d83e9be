// The parser of all dialects that are given as data (text/dialect.h). A marker that opens a call is tried: a copy of the
// reader goes on from there, and what it reads counts once it is certain that a call follows (Verdict). Otherwise the
// marker is text, and what came since is read again.
#include <memory>
#include "text/tools/marked_reader.h"
#include "text/tools/parsers.h"

namespace autark::text {
namespace {

// How often much of an answer may be read again: limits the work that hostile output can cause.
constexpr int kTrialsMax = 8;
constexpr size_t kLongTrial = 512;

class MarkedParser final : public OutputParser {
 public:
  MarkedParser(const Dialect& dialect, const ParserOptions& o)
      : reader_(std::make_unique<MarkedReader>(dialect, o)) {}

  std::vector<OutputPiece> push(std::string_view text) override {
    sources_.push_back({std::string(text)});
    read_all();
    return take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    for (bool ended = false; !ended; read_all()) {
      if (trial_)
        end_trial(trial_->is_call_at_end(cut));
      else
        ended = reader_->end(cut);
      follow();
    }
    return take();
  }

 private:
  struct Source {
    std::string text;
    size_t at = 0;
  };

  void collect() {
    for (OutputPiece& p : reader_->take()) pieces_.add(p.kind, p.call, p.text);
  }
  std::vector<OutputPiece> take() {
    collect();
    return pieces_.take();
  }

  void read_all() {
    while (!sources_.empty()) {
      Source& s = sources_.back();
      if (s.at == s.text.size())
        sources_.pop_back();
      else
        read(s.text[s.at++]);
    }
  }
  void read(char c) {
    if (trial_) {
      trial_->read(c);
      tried_ += c;
      const bool too_long = trials_left_ == 0 && tried_.size() > kLongTrial;
      if (trial_->verdict() == Verdict::undecided && !too_long) return;
      end_trial(trial_->verdict() == Verdict::call);
    } else {
      reader_->read(c);
    }
    follow();
  }
  void follow() {
    if (auto again = reader_->take_again()) sources_.push_back({std::move(*again)});
    if (const auto opener = reader_->take_opener()) {
      trial_ = std::make_unique<MarkedReader>(*reader_);
      trial_->begin_trial(*opener);
      opener_ = *opener;
      tried_.clear();
    }
  }
  void end_trial(bool is_call) {
    if (is_call) {
      collect();
      reader_ = std::move(trial_);
      return reader_->end_trial();
    }
    if (trials_left_ > 0 && tried_.size() > kLongTrial) --trials_left_;
    trial_.reset();
    reader_->stray(opener_);
    sources_.push_back({std::exchange(tried_, {})});
  }

  PieceList pieces_;
  std::unique_ptr<MarkedReader> reader_, trial_;
  Marker opener_ = {};  // of the trial
  std::string tried_;   // the bytes that the trial has read
  int trials_left_ = kTrialsMax;
  std::vector<Source> sources_;  // text to be read, the next last
};

}  // namespace

std::unique_ptr<OutputParser> make_marked_parser(const Dialect& dialect, const ParserOptions& o) {
  return std::make_unique<MarkedParser>(dialect, o);
}

}  // namespace autark::text
