// What a caller may do, by its roles (the table of /admin/v1). The server decides; the pages only leave out what it
// would refuse.
import type { Key, Me } from "./wire";

export type Deed = "keys" | "workspaces" | "limits" | "prices" | "money" | "members" | "see members" | "see all";

export function may(me: Me, deed: Deed): boolean {
  const has = (...roles: string[]) => me.roles.some((role) => roles.includes(role));
  switch (deed) {
    case "keys":
      return has("system", "security") || (has("developer") && me.member !== null);
    case "workspaces":
    case "limits":
    case "prices":
    case "money":
      return has("system");
    case "members":
      return has("security") || (has("system") && !me.separation);
    case "see members":
    case "see all":
      return has("system", "security", "audit");
  }
}

// Developers change the keys that they made.
export function mayChange(me: Me, key: Key): boolean {
  if (me.roles.includes("system") || me.roles.includes("security")) return true;
  return may(me, "keys") && key.member !== null && key.member === me.member?.id;
}

// A new secret of an administrative key would give its rights: only who has them may make one.
export function mayRotate(me: Me, key: Key): boolean {
  if (key.role === "developer") return mayChange(me, key);
  const isOthers = key.member !== null && key.member !== me.member?.id;
  return mayChange(me, key) && me.roles.some((role) => role === key.role) && !isOthers;
}

export function isAdministrator(me: Me): boolean {
  return me.roles.some((role) => role !== "developer");
}
