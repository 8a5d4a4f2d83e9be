// The draft heads of DeepSeek-V4 checkpoints.
#pragma once
#include "models/drafter.h"

namespace autark {

DrafterKind v4_mtp();     // one MTP block (preview releases)
DrafterKind v4_dspark();  // DSpark stages (0731, 0813)

}  // namespace autark
