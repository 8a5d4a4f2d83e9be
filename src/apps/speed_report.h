// What `bench` prints of a Speed.
#pragma once
#include "apps/speed.h"
#include "base/json.h"

namespace autark::apps {

// One object; figures of units that the processor lacks are null.
Json to_json(const SpeedOptions& options, const Speed& speed);
void print_table(const SpeedOptions& options, const Speed& speed);

}  // namespace autark::apps
