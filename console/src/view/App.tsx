// The whole page: the chat, or a page of the platform if the server has one and the address names it ("#/keys"). The
// platform's pages are loaded when they are first opened.
import type { ComponentType } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import type { Theme } from "../chat/shelf";
import type { Console } from "../console";
import { strings } from "../strings";
import { ChatPage } from "./ChatPage";
import { useMedia } from "./media";

export function App({ page }: { page: Console }) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => page.subscribe(() => redraw(undefined)), [page]);
  const hash = useHash();
  useTheme(page.state.theme);
  if (page.state.platform && hash.startsWith("#/")) return <PlatformPages page={page} hash={hash} />;
  return <ChatPage page={page} />;
}

type Pages = ComponentType<{ page: Console; hash: string }>;

function PlatformPages({ page, hash }: { page: Console; hash: string }) {
  const [pages, setPages] = useState<{ Pages: Pages } | null>(null);
  const [failed, setFailed] = useState(false);
  const load = () => {
    setFailed(false);
    import("../platform/view/Pages").then(setPages, () => setFailed(true));
  };
  useEffect(load, []);
  if (pages) return <pages.Pages page={page} hash={hash} />;
  return (
    <main class="loading-page">
      <p role={failed ? "alert" : "status"}>{failed ? strings.pagesFailed : strings.loadingPages}</p>
      {failed && (
        <button type="button" class="secondary" onClick={load}>
          {strings.retryNow}
        </button>
      )}
    </main>
  );
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    window.addEventListener("hashchange", onChange);
    onChange(); // it may have changed since it was drawn
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  return hash;
}

function useTheme(theme: Theme): void {
  const dark = useMedia("(prefers-color-scheme: dark)");
  document.documentElement.dataset.theme = theme === "auto" ? (dark ? "dark" : "light") : theme;
}
