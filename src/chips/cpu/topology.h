// The processors this process may use: one per physical core inside its affinity mask, no more of them than
// its control group's CPU quota allows.
#pragma once
#include <vector>

namespace autark {

// Operating-system numbers of the cores' first processors, in topology order. Never empty.
std::vector<int> usable_cores();

// Binds the calling thread. A refusal is ignored: speed suffers, results do not.
void bind_to(int processor);

}  // namespace autark
