// C interface of the Rust crate in src/text/crates: tokenizers, chat templates and structured
// output. Private to text/.
// Ownership: an autark_str argument is borrowed during the call; an autark_buffer result belongs to the
// caller until autark_buffer_free. Errors: a null or false result and a message in *error, which must be
// freed; no call throws, aborts or unwinds. Threads: objects are immutable and may be used by several
// threads; free one when no other thread uses it.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

// Borrowed bytes, UTF-8 without a terminator.
typedef struct {
  const uint8_t* data;
  size_t size;
} autark_str;

// Bytes that Rust has allocated.
typedef struct {
  uint8_t* data;
  size_t size, capacity;
} autark_buffer;

void autark_buffer_free(autark_buffer b);

// ---- tokenizers -------------------------------------------------------------------------------------------

typedef struct autark_tokenizer autark_tokenizer;

// As EncodeOptions (text/tokenizer.h).
typedef struct {
  bool add_special, parse_special;
} autark_encode_mode;

typedef struct {
  size_t begin, end;
} autark_byte_range;

typedef struct {
  autark_str bytes;                    // what the token adds to a text; valid as long as the tokenizer
  autark_str first;                    // what it adds at the start of a text
  bool known, differs_first, special;  // known: the id exists; differs_first: `first` differs from `bytes`
} autark_piece;

// A vocabulary without a tokenizer.json, as GGUF, SentencePiece and tiktoken files have it.
typedef struct {
  // "bpe" (with merges), "spm" (merges are computed from the scores) or "unigram". "sentencepiece-bpe" and
  // "sentencepiece-unigram" choose pieces exactly as that library does, and "tiktoken" as that one; what their
  // pipelines hold is in crates/src/files.rs.
  const char* kind;
  // A JSON object: normalizer, pre_tokenizer, decoder in the form of tokenizer.json; before, after: ids
  // around a text; shown: control tokens that decoded text keeps; unk: id or null; byte_fallback;
  // ignore_merges.
  autark_str pipeline;
  const autark_str* tokens;  // by id; of tiktoken any bytes
  const uint8_t* types;      // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  const float* scores;       // of every token; zeros for kinds without scores
  size_t token_count;
  const autark_str* merges;  // bpe: "left right"
  size_t merge_count;
  autark_str charsmap;  // sentencepiece: the table of normalised characters; may be empty
} autark_vocabulary;

// These return null if the vocabulary is invalid.
autark_tokenizer* autark_tokenizer_from_json(autark_str json, autark_buffer* error);
autark_tokenizer* autark_tokenizer_from_vocabulary(const autark_vocabulary* v, autark_buffer* error);
void autark_tokenizer_free(autark_tokenizer* t);

// `ids` gets uint32 values in the machine's byte order. `literal`: rising ranges of the text that are read as
// if parse_special were false.
bool autark_tokenizer_encode(const autark_tokenizer* t, autark_str text, autark_encode_mode mode,
                             const autark_byte_range* literal, size_t literal_count, autark_buffer* ids,
                             autark_buffer* error);
size_t autark_tokenizer_size(const autark_tokenizer* t);  // the highest id + 1
// What an id adds to a text; `known` is false for an id outside the vocabulary.
autark_piece autark_tokenizer_piece(const autark_tokenizer* t, uint32_t id);
int64_t autark_tokenizer_id(const autark_tokenizer* t, autark_str token);  // -1: none
// Decoded text loses up to `count` times `character` at its very start. count 0: nothing. `repeats`: a token adds
// its `first` bytes as long as the tokens before it added none.
void autark_tokenizer_strip(const autark_tokenizer* t, uint32_t* character, size_t* count, bool* repeats);
// Spellings of the added tokens that are markup (Tokenizer::markup).
size_t autark_tokenizer_markup_count(const autark_tokenizer* t);
autark_str autark_tokenizer_markup(const autark_tokenizer* t, size_t at);

// ---- chat templates ---------------------------------------------------------------------------------------

typedef struct autark_template autark_template;

// `tool_source` (may be empty) is used for conversations with tools. `spellings`: added tokens that text from
// messages must not become.
autark_template* autark_template_new(autark_str source, autark_str tool_source, const autark_str* spellings,
                                     size_t count, autark_buffer* error);
void autark_template_free(autark_template* t);

// `request`: JSON {"messages", "tools", "documents", "kwargs", "vars", "now"}. `usual`: JSON {"vars", "now"},
// used for what the request leaves out. `literal` gets pairs of size_t: begin and end of spellings that came
// from messages.
bool autark_template_render(const autark_template* t, autark_str request, autark_str usual,
                            autark_buffer* prompt, autark_buffer* literal, autark_buffer* error);

// ---- structured output ------------------------------------------------------------------------------------

typedef struct autark_structures autark_structures;  // a vocabulary, and the structures compiled for it
typedef struct autark_masks autark_masks;            // the masks of one answer; one thread at a time

// Bit i % 32 of bits[i / 32] tells whether token i may follow. Valid until the next call with the same masks.
typedef struct {
  const uint32_t* bits;
  size_t count;   // of words
  bool finished;  // the answer may end here; then the end tokens are allowed
} autark_mask;

// `words`: the bytes that each id adds to a text. `special`: ids without a text. `ends`: ids that end an
// answer. `trial`: a program and its first arguments, as Structures::make has it; may be empty. Null if such a
// vocabulary cannot be masked.
autark_structures* autark_structures_new(const autark_str* words, const bool* special, size_t count,
                                         const uint32_t* ends, size_t end_count, const autark_str* trial,
                                         size_t trial_count, autark_buffer* error);
void autark_structures_free(autark_structures* s);

// Compiles a structure, at most some seconds. `kind`: 0 a JSON schema, 1 a regex, 2 a JSON list of choices,
// 3 a Lark grammar, 4 tool calls (crates/src/structure/calls.rs). On failure `error` gets JSON: "why" (invalid,
// complex or busy), "place" (the JSON pointer of the keyword at fault, may be empty) and "message". The masks
// may outlive `s`.
autark_masks* autark_masks_new(const autark_structures* s, int kind, autark_str text, autark_buffer* error);
// The same without compiling: null unless it was compiled before and is still cached.
autark_masks* autark_masks_known(const autark_structures* s, int kind, autark_str text);
// Masks of another answer with the same structure.
autark_masks* autark_masks_another(const autark_masks* m, autark_buffer* error);
void autark_masks_free(autark_masks* m);
// Begins to compute the mask after the tokens `ids` of the answer, on a thread of the crate.
void autark_masks_prepare(autark_masks* m, const uint32_t* ids, size_t count);
// The mask after `ids`; waits for it. False if the ids do not fit the structure or a limit was exceeded.
bool autark_masks_after(autark_masks* m, const uint32_t* ids, size_t count, autark_mask* mask,
                        autark_buffer* error);
// try_structure() of text/structure.h.
void autark_structure_trial(autark_str kind, autark_str text, autark_buffer* answer);

#ifdef __cplusplus
}
#endif
