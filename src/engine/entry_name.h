// Names of kept state on the disk: SHA-256 over what the state depends on. A name does not show its text.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace autark::engine {

using Sha256 = std::array<uint8_t, 32>;
Sha256 sha256_of(std::string_view bytes);
std::string hex_of(const Sha256& sum);  // 64 small hexadecimal digits
std::optional<Sha256> sha256_from_hex(std::string_view digits);

// The name of a block of tokens behind the block named `parent` (all zeros: it is the first). So it names the
// whole prefix, and with whom it may be shared: `domain`, or everybody.
Sha256 block_name(const Sha256& parent, bool everybody, std::string_view domain,
                  std::span<const int32_t> tokens);

// The two parts of a state: the page of a block, and the copy of the rings behind it.
enum class EntryKind : uint32_t { page, copy };
struct EntryId {
  Sha256 name{};
  EntryKind kind = EntryKind::page;
  auto operator<=>(const EntryId&) const = default;
};

}  // namespace autark::engine
