// What a caller may do, by its roles (the table of /admin/v1). The server decides; the pages only leave out what it
// would refuse.
import type { Me } from "./wire";

export type Deed = "keys" | "workspaces" | "limits" | "prices" | "members" | "see members" | "administrative keys";

export function may(me: Me, deed: Deed): boolean {
  const has = (...roles: string[]) => me.roles.some((role) => roles.includes(role));
  switch (deed) {
    case "keys":
      return has("system", "security", "developer");
    case "administrative keys":
      return has("system", "security");
    case "workspaces":
    case "limits":
    case "prices":
      return has("system");
    case "members":
      return has("security") || (has("system") && !me.separation);
    case "see members":
      return has("system", "security", "audit");
  }
}

export function isAdministrator(me: Me): boolean {
  return me.roles.some((role) => role !== "developer");
}
