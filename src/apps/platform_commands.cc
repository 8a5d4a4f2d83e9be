#include "apps/platform_commands.h"
#include "apps/cmd_keys.h"
#include "apps/cmd_limits.h"
#include "apps/cmd_members.h"
#include "apps/cmd_platform.h"
#include "apps/cmd_usage.h"
#include "apps/cmd_workspaces.h"
#include "apps/command_line.h"

namespace autark::apps {

void add_platform_commands(const Command& program) {
  add_platform_command(program);
  add_workspaces_command(program);
  add_members_command(program);
  add_keys_command(program);
  add_limits_command(program);
  add_usage_command(program);
  add_balance_command(program);
}

}  // namespace autark::apps
