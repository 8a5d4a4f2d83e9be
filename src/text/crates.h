// What the Rust crates in src/text/crates offer to C++: tokenizers and chat templates. Private to text/.
// Strings are borrowed for the call; buffers belong to the caller until autark_buffer_free. No call throws,
// aborts or unwinds: a fault is a null or false result and a message in *error. Objects are immutable: any
// thread may use one, and free it when no other does.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

typedef struct {
  const uint8_t* data;
  size_t size;
} autark_str;

typedef struct {
  uint8_t* data;
  size_t size, capacity;
} autark_buffer;

void autark_buffer_free(autark_buffer b);

// ---- tokenizers -------------------------------------------------------------------------------------------

typedef struct autark_tokenizer autark_tokenizer;

typedef struct {
  bool add_special, parse_special;
} autark_encode_mode;

typedef struct {
  size_t begin, end;
} autark_byte_range;

typedef struct {
  autark_str bytes;  // what the token adds to a text; lives as long as the tokenizer
  autark_str first;  // the same at the start of a text
  bool known, differs_first, special;
} autark_piece;

// A vocabulary that came without a tokenizer.json.
typedef struct {
  const char* kind;  // "bpe" (merges), "spm" (merges follow from scores) or "unigram"
  // JSON: normalizer, pre_tokenizer, decoder as tokenizer.json has them; before, after: ids around a text;
  // shown: control tokens that decoded text keeps; unk: id or null; byte_fallback; ignore_merges.
  autark_str pipeline;
  const autark_str* tokens;  // by id
  const uint8_t* types;      // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  const float* scores;       // of every token; zeros where the kind has none
  size_t token_count;
  const autark_str* merges;  // bpe: "left right"
  size_t merge_count;
} autark_vocabulary;

autark_tokenizer* autark_tokenizer_from_json(autark_str json, autark_buffer* error);
autark_tokenizer* autark_tokenizer_from_vocabulary(const autark_vocabulary* v, autark_buffer* error);
void autark_tokenizer_free(autark_tokenizer* t);

// ids: native-endian uint32.
bool autark_tokenizer_encode(const autark_tokenizer* t, autark_str text, autark_encode_mode mode,
                             const autark_byte_range* literal, size_t literal_count, autark_buffer* ids,
                             autark_buffer* error);
size_t autark_tokenizer_size(const autark_tokenizer* t);
autark_piece autark_tokenizer_piece(const autark_tokenizer* t, uint32_t id);
int64_t autark_tokenizer_id(const autark_tokenizer* t, autark_str token);  // -1: none
// A text loses up to `count` times `character` at its very start.
void autark_tokenizer_strip(const autark_tokenizer* t, uint32_t* character, size_t* count);
// Spellings of the added tokens that are markup, not plain text.
size_t autark_tokenizer_markup_count(const autark_tokenizer* t);
autark_str autark_tokenizer_markup(const autark_tokenizer* t, size_t at);

// ---- chat templates ---------------------------------------------------------------------------------------

typedef struct autark_template autark_template;

// `tool_source` (may be empty) is used where a conversation has tools. `spellings`: what typed text must not
// become.
autark_template* autark_template_new(autark_str source, autark_str tool_source, const autark_str* spellings,
                                     size_t count, autark_buffer* error);
void autark_template_free(autark_template* t);

// request: JSON {"messages", "tools", "documents", "kwargs", "vars", "now"}; usual: JSON {"vars", "now"} for
// what the request leaves out. literal: pairs of size_t, begin and end of typed spellings in the prompt.
bool autark_template_render(const autark_template* t, autark_str request, autark_str usual,
                            autark_buffer* prompt, autark_buffer* literal, autark_buffer* error);

#ifdef __cplusplus
}
#endif
