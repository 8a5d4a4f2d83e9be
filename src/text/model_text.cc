#include "text/model_text.h"
#include "text/turn_end.h"

namespace autark::text {

Result<ModelText> ModelText::open(const std::filesystem::path& path) {
  ModelText t;
  AUTARK_TRY(t.tokenizer, Tokenizer::open(path));
  t.end_tokens = t.tokenizer->end_tokens();
  auto chat = ChatTemplate::open(path, t.tokenizer.get());
  if (!chat) {
    t.chat_fault = chat.error().message;
    return t;
  }
  t.chat = std::move(*chat);
  for (const int32_t id : turn_ends(*t.chat, *t.tokenizer)) t.end_tokens.push_back(id);
  return t;
}

}  // namespace autark::text
