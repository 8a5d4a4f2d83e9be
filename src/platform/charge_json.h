// A charge as text, for the table of requests under way.
#pragma once
#include "platform/ledger.h"

namespace autark::platform {

std::string charge_text(const Charge& charge);
Result<Charge> charge_from(const std::string& text);
// Makes a charge fit for the tables: texts are UTF-8 without NUL and of bounded length, numbers are not absurd. Labels of
// users come from clients.
Charge cleaned(Charge charge);

}  // namespace autark::platform
