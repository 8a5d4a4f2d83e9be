#include "weights/cut.h"
#include "base/check.h"

namespace autark {

std::optional<Share> share_of(int64_t n, const Cut& cut, int64_t block, int rank, int ranks) {
  AUTARK_CHECK(cut.unit > 0 && n % cut.unit == 0);
  const int64_t units = n / cut.unit;
  Share mine{rank * (n / ranks), n / ranks};
  const bool repeats = cut.uneven == Cut::Uneven::repeat && units < ranks && ranks % units == 0;
  if (repeats) mine = {rank * units / ranks * cut.unit, cut.unit};
  const bool even = repeats || units % ranks == 0;
  if (even && (mine.count % block == 0 || mine.count == n)) return mine;
  if (cut.uneven == Cut::Uneven::whole) return Share{0, n};
  return {};
}

}  // namespace autark
