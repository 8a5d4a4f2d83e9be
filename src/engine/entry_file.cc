#include "engine/entry_file.h"
#include <cstring>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace autark::engine {
namespace {

constexpr char kMagic[8] = {'a', 'u', 't', 'a', 'r', 'k', 'p', '1'};
constexpr uint64_t kAheadMax = 1 << 16;

struct Header {
  char magic[8];
  Sha256 program, name;
  uint32_t kind, zero;
  uint64_t bytes, ahead;
  uint64_t low, high;  // sum of the bytes
  uint64_t sum;        // of this header up to here
};
static_assert(sizeof(Header) == kEntryHeaderBytes);

uint64_t sum_of(const Header& h) {
  return XXH3_64bits(&h, offsetof(Header, sum));
}

}  // namespace

std::array<std::byte, kEntryHeaderBytes> header_of(const Entry& e, const Sha256& program) {
  const XXH128_hash_t sum = XXH3_128bits(e.bytes.data(), e.bytes.size());
  Header h{.program = program,
           .name = e.id.name,
           .kind = uint32_t(e.id.kind),
           .bytes = e.bytes.size(),
           .ahead = uint64_t(e.ahead),
           .low = sum.low64,
           .high = sum.high64};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.sum = sum_of(h);
  std::array<std::byte, kEntryHeaderBytes> out;
  std::memcpy(out.data(), &h, sizeof h);
  return out;
}

Result<EntryView> parse_entry(std::span<const std::byte> file, const Sha256& program, const EntryId& id,
                              int64_t bytes) {
  const auto damaged = [](const char* what) { return Error{Code::invalid, std::string("entry: ") + what}; };
  Header h;
  if (file.size() < sizeof h) return damaged("it is too short");
  std::memcpy(&h, file.data(), sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) return damaged("it is another kind of file");
  if (h.sum != sum_of(h)) return damaged("its header is damaged");
  if (h.program != program || h.name != id.name || h.kind != uint32_t(id.kind) || h.zero != 0)
    return damaged("it is another entry");
  if (h.bytes != uint64_t(bytes) || file.size() - sizeof h != h.bytes || h.ahead > kAheadMax)
    return damaged("it has another size");
  const auto payload = file.subspan(sizeof h);
  const XXH128_hash_t sum = XXH3_128bits(payload.data(), payload.size());
  if (sum.low64 != h.low || sum.high64 != h.high) return damaged("its bytes are damaged");
  return EntryView{int64_t(h.ahead), payload};
}

}  // namespace autark::engine
