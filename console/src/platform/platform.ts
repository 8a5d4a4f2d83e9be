// Who is signed in to the platform's pages. Like Console: an immutable state, replaced by actions, shown by the views.
import type { Shelf } from "../chat/shelf";
import { Admin, AdminError, type SignIn } from "./admin";
import { isAdministrator } from "./rights";
import type { Me } from "./wire";

export type Signed =
  | { as: "unknown"; failure: AdminError | null } // not asked yet, or the server did not answer
  | { as: "nobody" }
  | { as: "newcomer"; me: Me } // must set up a second factor first
  | { as: "somebody"; me: Me; ended: boolean }; // ended: the session is over; what was typed stays until the next one

export class Platform {
  readonly admin: Admin;
  private current: Signed = { as: "unknown", failure: null };
  private readonly listeners = new Set<() => void>();

  constructor(private readonly shelf: Shelf) {
    this.admin = new Admin(() => shelf.adminKey());
    this.admin.onRefused = (code) => this.refused(code);
    this.admin.onNewSession = () => this.isSameMember();
  }

  get signed(): Signed {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // Asks the server who is signed in. Without an answer everything stays as it is.
  async look(): Promise<void> {
    try {
      this.enter(await this.admin.me());
    } catch (e) {
      const failure = e instanceof AdminError ? e : new AdminError(0, "broken", String(e));
      if (failure.code === "unauthenticated") return;
      if (failure.status === 401 || failure.status === 403) this.leave();
      else if (this.current.as === "unknown") this.set({ as: "unknown", failure });
    }
  }

  // Throws AdminError, with the code "totp_required" if the server wants a code as well.
  async signIn(how: SignIn): Promise<void> {
    this.shelf.saveAdminKey("");
    await this.admin.signIn(how);
    this.enter(await this.admin.me());
  }

  // A key is kept until the tab is closed, and used for the chat too if there is no other.
  // Throws AdminError.
  async useKey(key: string): Promise<void> {
    this.shelf.saveAdminKey(key.trim());
    try {
      const me = await this.admin.me();
      if (!this.shelf.key()) this.shelf.saveKey(key.trim());
      this.enter(me);
    } catch (e) {
      this.shelf.saveAdminKey("");
      throw e;
    }
  }

  async signOut(): Promise<void> {
    if (this.current.as === "nobody") return;
    if (!this.admin.usesKey()) await this.admin.signOut().catch(() => undefined);
    this.leave();
  }

  // Whether the session that the browser has now, perhaps from another tab, is of who was signed in here.
  private async isSameMember(): Promise<boolean> {
    const before = nameOf(this.current);
    await this.look();
    return this.current.as === "somebody" && !this.current.ended && nameOf(this.current) === before;
  }

  private enter(me: Me): void {
    this.set(needsTotp(me) ? { as: "newcomer", me } : { as: "somebody", me, ended: false });
  }

  private refused(code: "unauthenticated" | "totp_needed"): void {
    const { current } = this;
    if (code === "totp_needed") {
      if (current.as === "somebody") this.set({ as: "newcomer", me: current.me });
    } else if (current.as === "somebody") {
      this.forget();
      if (!current.ended) this.set({ ...current, ended: true });
    } else {
      this.leave();
    }
  }

  private forget(): void {
    this.admin.csrf = "";
    this.shelf.saveAdminKey("");
  }

  private leave(): void {
    this.forget();
    if (this.current.as !== "nobody") this.set({ as: "nobody" });
  }

  private set(signed: Signed): void {
    this.current = signed;
    for (const listener of this.listeners) listener();
  }
}

// Who it is, as far as the pages depend on it; another one gets pages of its own.
export function nameOf(signed: Signed): string {
  return signed.as === "somebody" ? `${signed.me.account.id} ${signed.me.member?.id ?? signed.me.key?.id}` : "";
}

function needsTotp(me: Me): boolean {
  return me.member !== null && me.totp_set === false && isAdministrator(me);
}
