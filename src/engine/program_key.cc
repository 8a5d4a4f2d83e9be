#include "engine/program_key.h"
#include <gnu/libc-version.h>
#include "base/mapped_file.h"
#include "base/version.h"
#include "engine/rounding_modes.h"
#include "engine/weight_file.h"

namespace autark::engine {
namespace {

// Fields are set apart by a byte that none of them has at its end.
void add(std::string& to, std::string_view text) {
  to += std::to_string(text.size()) + ":";
  to += text;
}
void add(std::string& to, int64_t number) {
  add(to, std::to_string(number));
}
void add(std::string& to, const Digest& d) {
  add(to, std::to_string(d.low) + "/" + std::to_string(d.high));
}

// Of the file as it is: its name, size and time, and some of its bytes.
void add_file(std::string& to, const MappedFile& file) {
  constexpr size_t kSamples = 64, kSample = 4096;
  const auto all = file.bytes();
  add(to, file.path().filename().string());
  add(to, int64_t(all.size()));
  add(to, file.written_ns());
  for (size_t i = 0; i < kSamples; ++i) {
    const size_t at = all.size() / kSamples * i;
    add(to, digest_of(all.subspan(at, std::min(kSample, all.size() - at))));
  }
}

// Two builds of one version may compute other bits.
void add_program(std::string& to) {
  add(to, version());
  add(to, gnu_get_libc_version());
  if (const auto self = MappedFile::open("/proc/self/exe")) add(to, digest_of(self->bytes()));
}

void add_layout(std::string& to, const StateLayout& l) {
  for (const int64_t n : {int64_t(l.page_tokens), l.page_bytes, l.ring_bytes}) add(to, n);
  for (const auto& layer : l.layers)
    for (const auto& p : layer)
      for (const int64_t n : {int64_t(p.stored), int64_t(p.simulated), int64_t(p.ring), int64_t(p.page_rows),
                              p.at, int64_t(p.spec.tokens_per_row), p.spec.row.numel()})
        add(to, n);
}

}  // namespace

Sha256 program_key(const Parts& parts, const StateLayout& layout, int rewind_tokens) {
  const LoadedModel& m = parts.model;
  std::string all;
  add_program(all);
  add(all, m.checkpoint.architecture);
  add(all, dump_json(m.checkpoint.config));
  for (const MappedFile* f : m.checkpoint.weights->files()) add_file(all, *f);
  add(all, m.chip->name());
  for (const auto& [verb, kernel] : m.chip->kernels()) add(all, verb), add(all, kernel);
  add(all, name_of(m.rounding));
  add_layout(all, layout);
  add(all, layout.ring_bytes > 0 ? rewind_tokens : 0);  // only copies of rings depend on it
  return sha256_of(all);
}

std::string about(const Parts& parts) {
  return parts.card.name + "\nautark " + version() + "\n" + parts.model.chip->name() + "\n" +
         name_of(parts.model.rounding) + "\n";
}

}  // namespace autark::engine
