// The platform's pages: navigation at the left, one page at the right; before that somebody has to sign in. On narrow
// screens the navigation covers the page.
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { Shelf } from "../../chat/shelf";
import type { Console } from "../../console";
import { Choices } from "../../view/Choices";
import { Brand } from "../../view/Brand";
import { Icon, Logo, type IconName } from "../../view/Icon";
import { IconButton } from "../../view/IconButton";
import { kNarrow, useMedia } from "../../view/media";
import { strings } from "../../strings";
import { Platform } from "../platform";
import "../style.css";
import { speakTexts, texts } from "../texts";
import type { Me } from "../wire";
import { AccountPage } from "./AccountPage";
import { KeysPage } from "./KeysPage";
import { Failure, Progress } from "./loading";
import { MembersPage } from "./MembersPage";
import { PricesPage } from "./PricesPage";
import { SignInPage } from "./SignInPage";
import { TotpPage } from "./Totp";
import { UsagePage } from "./UsagePage";
import { WorkspacesPage } from "./WorkspacesPage";

type PageName = "usage" | "keys" | "workspaces" | "members" | "prices" | "account";
const kPages: [PageName, IconName][] = [
  ["usage", "chart"],
  ["keys", "key"],
  ["workspaces", "folder"],
  ["members", "people"],
  ["prices", "tag"],
  ["account", "person"],
];

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
  useEffect(() => void platform.look(), []);
  speakTexts(page.state.language);
  const { signed } = platform;
  if (signed.as === "somebody") return <Frame page={page} hash={hash} me={signed.me} />;
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
          <SignInPage platform={platform} ended={signed.ended} onDone={() => page.connect()} />
        )}
        {signed.as === "newcomer" && <TotpPage platform={platform} />}
      </div>
    </main>
  );
}

function Frame({ page, hash, me }: { page: Console; hash: string; me: Me }) {
  const narrow = useMedia(kNarrow);
  const [menu, setMenu] = useState(false);
  const main = useRef<HTMLElement>(null);
  const [path, query] = hash.slice(2).split("?", 2);
  const name = kPages.find(([known]) => known === path)?.[0] ?? "usage";
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
          <Page key={name} name={name} platform={platform} me={me} params={new URLSearchParams(query ?? "")} />
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
        {kPages.map(([place, icon], i) => (
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
        <p class="who quiet">{texts.signedInAs(who, me.account.name)}</p>
        <Choices page={page} />
        <button type="button" class="foot-button" onClick={() => void platform.signOut()}>
          <Icon name="leave" size={16} />
          {texts.signOut}
        </button>
      </div>
    </nav>
  );
}
