// What a request asks of the form of its answers, compiled to masks: a structure of the content, and the calls of
// strict or forced tools. Thread-safe.
#pragma once
#include <atomic>
#include <mutex>
#include "serve/answer_structure.h"
#include "serve/submission.h"
#include "text/model_text.h"

namespace autark::serve {

class AnswerForms {
 public:
  // `text` must outlive this object. `vocabulary`: of the engine. `trial`: the helper that tries structures
  // (text/structure.h).
  AnswerForms(const text::ModelText& text, int64_t vocabulary, std::vector<std::string> trial);

  struct Asked {
    std::optional<api::Structure> content;
    std::string calls;           // text::calls_text(); empty: calls are free
    std::string looser;          // the same without what `calls` may lack; tried if that cannot be compiled
    bool only_calls = false;     // the content must be calls
    bool must_hold = false;      // if `calls` cannot be compiled, the request fails; else its calls are free
    std::vector<int32_t> opens;  // text::call_tokens(); empty: no calls
    std::optional<int32_t> thinks;  // a first token that opens reasoning
    bool all_free() const { return !content && calls.empty() && !only_calls; }
  };
  // `rules`: how the answers of this request are read.
  api::ApiResult<Asked> asked(const api::Request& request, const AnswerReader::Rules& rules) const;

  // The masks if they need no compiling. Does not block.
  std::optional<AnswerMasks> known(const Asked& asked) const;
  // Compiles, which may take some seconds.
  api::ApiResult<AnswerMasks> compile(const Asked& asked);
  // Makes the constraint of each choice; empty if the answers are free. This object must outlive the result.
  Submission::Constrain constrain(const Asked& asked, AnswerMasks masks) const;

 private:
  const text::Structures* structures(api::ApiError& fault);
  // `all`: also of tools that are not strict, the arguments fit the schema.
  std::string calls_of(const api::Request& request, text::OutputSyntax syntax, bool all) const;

  const text::ModelText& text_;
  const int64_t vocabulary_;
  const std::vector<std::string> trial_;
  std::once_flag once_;
  std::atomic<bool> made_ = false;
  std::unique_ptr<text::Structures> structures_;  // made for the first request that needs it
  std::string fault_;                             // why it cannot be made
  ReasoningJoins joins_;
};

}  // namespace autark::serve
