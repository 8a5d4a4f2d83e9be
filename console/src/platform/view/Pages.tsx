// The platform's pages: navigation at the left, one page at the right; before that somebody has to sign in. On narrow
// screens the navigation covers the page. When a session ends, the sign-in covers the page, which keeps what was typed.
import { Component, type ComponentChildren } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { Shelf } from "../../chat/shelf";
import type { Console } from "../../console";
import { Choices } from "../../view/Choices";
import { Brand } from "../../view/Brand";
import { Icon, Logo, type IconName } from "../../view/Icon";
import { IconButton } from "../../view/IconButton";
import { kNarrow, useMedia } from "../../view/media";
import { strings } from "../../strings";
import { AdminError } from "../admin";
import { nameOf, Platform } from "../platform";
import { may } from "../rights";
import "../style.css";
import { isolated, speakTexts, texts } from "../texts";
import type { Me } from "../wire";
import { AccountPage } from "./AccountPage";
import { BalancePage } from "./BalancePage";
import { Dialog } from "./Dialog";
import { KeysPage } from "./KeysPage";
import { LimitsPage } from "./LimitsPage";
import { Failure, loadAgain, Progress } from "./loading";
import { MembersPage } from "./MembersPage";
import { PricesPage } from "./PricesPage";
import { SignInPage } from "./SignInPage";
import { TotpPage } from "./Totp";
import { UsagePage } from "./UsagePage";
import { WorkspacesPage } from "./WorkspacesPage";

type PageName = "usage" | "keys" | "workspaces" | "members" | "limits" | "balance" | "prices" | "account";
const kPages: [PageName, IconName][] = [
  ["usage", "chart"],
  ["keys", "key"],
  ["workspaces", "folder"],
  ["members", "people"],
  ["limits", "gauge"],
  ["balance", "wallet"],
  ["prices", "tag"],
  ["account", "person"],
];

// Developers see what belongs to their workspaces.
function pagesOf(me: Me): [PageName, IconName][] {
  const hidden: PageName[] = may(me, "see all") ? [] : ["members", "balance"];
  return kPages.filter(([name]) => !hidden.includes(name));
}

// What every page of the platform gets.
export interface PageProps {
  platform: Platform;
  me: Me;
  params: URLSearchParams; // what the address has after "?"
}

const platform = new Platform(Shelf.ofBrowser());

export function Pages({ page, hash }: { page: Console; hash: string }) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => platform.subscribe(() => redraw(undefined)), []);
  useLook();
  speakTexts(page.state.language);
  const { signed } = platform;
  const ended = signed.as === "somebody" && signed.ended;
  useEffect(() => {
    if (!ended) loadAgain();
  }, [ended]);
  if (signed.as === "somebody") {
    return (
      <>
        <Frame key={nameOf(signed)} page={page} hash={hash} me={signed.me} />
        {ended && <SignInAgain onDone={() => page.connect()} />}
      </>
    );
  }
  return (
    <main class="entry">
      <div class="entry-foot">
        <Choices page={page} />
      </div>
      <div class="entry-box">
        <div class="brand">
          <Logo />
          <span>{strings.product}</span>
        </div>
        {signed.as === "unknown" && (
          <>
            <Progress shown={signed.failure === null} words={texts.loading} />
            <Failure failure={signed.failure} onAgain={() => void platform.look()} />
          </>
        )}
        {signed.as === "nobody" && (
          <>
            <h1>{texts.signIn.title}</h1>
            <p class="quiet">{texts.signIn.hint}</p>
            <SignInPage platform={platform} onDone={() => page.connect()} />
          </>
        )}
        {signed.as === "newcomer" && <TotpPage platform={platform} />}
      </div>
    </main>
  );
}

// Asks who is signed in at first, and when the tab is looked at again: another tab may have signed out, or in.
function useLook(): void {
  useEffect(() => {
    const look = () => void platform.look();
    const onShow = () => document.visibilityState === "visible" && look();
    look();
    document.addEventListener("visibilitychange", onShow);
    return () => document.removeEventListener("visibilitychange", onShow);
  }, []);
}

function SignInAgain({ onDone }: { onDone: () => void }) {
  return (
    <Dialog title={texts.signIn.title} kind="covering" onClose={() => void platform.signOut()}>
      <div class="form">
        <p class="notice" role="status">
          {texts.signIn.ended}
        </p>
        <SignInPage platform={platform} onDone={onDone} />
      </div>
    </Dialog>
  );
}

interface BoundaryState {
  failed: unknown;
}

// A fault of one page leaves the others usable.
class Boundary extends Component<{ children: ComponentChildren }, BoundaryState> {
  override state: BoundaryState = { failed: null };

  override componentDidCatch(failed: unknown) {
    this.setState({ failed });
  }

  override render() {
    if (this.state.failed === null) return this.props.children;
    const failure = new AdminError(0, "page", String(this.state.failed));
    return <Failure failure={failure} onAgain={() => this.setState({ failed: null })} />;
  }
}

function Frame({ page, hash, me }: { page: Console; hash: string; me: Me }) {
  const narrow = useMedia(kNarrow);
  const [menu, setMenu] = useState(false);
  const main = useRef<HTMLElement>(null);
  const [path, query] = hash.slice(2).split("?", 2);
  const name = pagesOf(me).find(([known]) => known === path)?.[0] ?? "usage";
  useEffect(() => {
    document.title = `${texts.pages[name]} – ${strings.product}`;
    return () => void (document.title = strings.product);
  }, [name, page.state.language]);
  useEffect(() => setMenu(false), [hash]);
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => e.key === "Escape" && setMenu(false);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const covered = narrow && menu;
  return (
    <div class="page">
      <a
        class="skip"
        href="#content"
        onClick={(e) => {
          e.preventDefault();
          main.current?.focus();
        }}
      >
        {texts.skip}
      </a>
      {(!narrow || menu) && (
        <Navigation page={page} me={me} name={name} drawer={narrow} onClose={() => setMenu(false)} />
      )}
      {covered && <div class="shade" onClick={() => setMenu(false)} />}
      <main class="main platform" ref={main} tabIndex={-1} inert={covered}>
        {narrow && (
          <header class="header">
            <IconButton icon="menu" label={texts.showMenu} size={20} onClick={() => setMenu(true)} />
            <span class="header-title">{texts.pages[name]}</span>
          </header>
        )}
        <div class="content">
          <h1>{texts.pages[name]}</h1>
          <Boundary key={name}>
            <Page name={name} platform={platform} me={me} params={new URLSearchParams(query ?? "")} />
          </Boundary>
        </div>
      </main>
    </div>
  );
}

function Page({ name, ...props }: PageProps & { name: PageName }) {
  switch (name) {
    case "usage":
      return <UsagePage {...props} />;
    case "keys":
      return <KeysPage {...props} />;
    case "workspaces":
      return <WorkspacesPage {...props} />;
    case "members":
      return <MembersPage {...props} />;
    case "limits":
      return <LimitsPage {...props} />;
    case "balance":
      return <BalancePage {...props} />;
    case "prices":
      return <PricesPage {...props} />;
    case "account":
      return <AccountPage {...props} />;
  }
}

interface NavigationProps {
  page: Console;
  me: Me;
  name: PageName;
  drawer: boolean;
  onClose: () => void;
}

function Navigation({ page, me, name, drawer, onClose }: NavigationProps) {
  const first = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (drawer) first.current?.focus();
  }, [drawer]);
  const who = me.member?.name ?? texts.byKey(me.key?.name ?? "");
  return (
    <nav class={`sidebar${drawer ? " drawer" : ""}`} aria-label={texts.navigation}>
      <Brand closeLabel={texts.hideMenu} onClose={drawer ? onClose : null} />
      <ul class="places">
        {pagesOf(me).map(([place, icon], i) => (
          <li key={place}>
            <a ref={i === 0 ? first : null} href={`#/${place}`} aria-current={place === name ? "page" : undefined}>
              <Icon name={icon} />
              {texts.pages[place]}
            </a>
          </li>
        ))}
        <li>
          <a href="#">
            <Icon name="chat" />
            {texts.chat}
          </a>
        </li>
      </ul>
      <div class="sidebar-foot">
        <p class="who quiet">{texts.signedInAs(isolated(who), isolated(me.account.name))}</p>
        <Choices page={page} />
        <button type="button" class="foot-button" onClick={() => void platform.signOut()}>
          <Icon name="leave" size={16} />
          {texts.signOut}
        </button>
      </div>
    </nav>
  );
}
