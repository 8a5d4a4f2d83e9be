// Control tokens that a GGUF file's converter typed as ordinary ones, or did not type at all: the marks of
// its chat template, found again. Private to text/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "text/chat.h"

namespace autark::text {

struct GgufVocabulary {
  std::vector<std::string_view> tokens, merges;
  std::vector<uint8_t>
      types;  // of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
};

// Tokens with the shape of a mark (<…>, [LETTERS]) that no merge makes and that are not typed as special.
std::vector<size_t> untyped_marks(const GgufVocabulary& v);

// What a template writes by itself: the texts around its tags and the literals inside them.
std::vector<std::string> template_texts(std::string_view source);

// What it renders for some conversations, for marks that it puts together ('<|' + role + '|>').
std::vector<std::string> rendered_texts(const ChatTemplate& chat, const Json& vars);

// The type of a mark that stands in `texts`: tags inside an answer are shown, all others are control tokens.
// 0: it stands in none.
uint8_t type_of_mark(std::string_view mark, const std::vector<std::string>& texts);

}  // namespace autark::text
