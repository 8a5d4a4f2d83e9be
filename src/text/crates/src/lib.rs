//! The Rust half of text/: tokenizers and chat templates behind the C functions of ../../crates.h.
//! Every C function runs inside a guard (border.rs) that returns errors and panics as messages.

mod added;
mod border;
mod clock;
mod files;
mod guard;
#[cfg(test)]
mod hostile;
mod jinja;
mod json;
mod memory;
mod merges;
mod pieces;
mod ranks;
mod sentencepiece;
mod structure;
mod structure_c;
mod template;
mod template_c;
mod tokenizer;
mod tokenizer_c;
mod vocabulary;
