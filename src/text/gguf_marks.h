// Finds control tokens that a GGUF file's converter stored as ordinary tokens: the marks of its chat
// template, such as <|im_start|>. Private to text/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "text/chat.h"

namespace autark::text {

// Views into the GGUF file.
struct GgufVocabulary {
  std::vector<std::string_view> tokens, merges;
  // Of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  std::vector<uint8_t> types;
  std::vector<size_t> named;  // ids that keys of the file name as the beginning or an end of texts or turns
};

// Ids of tokens that look like a mark (<…>, [LETTERS], ]~…]) or are named as one, are not made by a merge and have an
// ordinary type.
std::vector<size_t> untyped_marks(const GgufVocabulary& v);

// The texts that a template can write: those between its tags, and the literals inside the tags.
std::vector<std::string> template_texts(std::string_view source);

// Prompts that the template renders for a few conversations. They contain marks that the template joins from
// parts ('<|' + role + '|>').
std::vector<std::string> rendered_texts(const ChatTemplate& chat, const Json& vars);

// The type for a mark: user-defined (shown) for tags inside answers such as <think>, else control. 0 if none
// of `texts` contains the mark.
uint8_t type_of_mark(std::string_view mark, const std::vector<std::string>& texts);

}  // namespace autark::text
