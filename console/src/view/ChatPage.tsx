// The chat: chats on the left, the conversation, settings or the server on the right. On narrow screens the side panels cover
// the conversation, which then cannot get the focus.
import { useEffect, useState } from "preact/hooks";
import type { Console } from "../console";
import { strings } from "../strings";
import { kNarrow, useMedia } from "./media";
import { Composer, kInputId } from "./Composer";
import { Header } from "./Header";
import { Notices } from "./Notices";
import { ServerPanel } from "./ServerPanel";
import { Settings } from "./Settings";
import { Sidebar } from "./Sidebar";
import { Thread } from "./Thread";

type Panel = "settings" | "server"; // at the right; at most one is open

export function ChatPage({ page }: { page: Console }) {
  const narrow = useMedia(kNarrow);
  const [menu, setMenu] = useState(false);
  const [panel, setPanel] = useState<Panel | null>(null);
  const toggle = (which: Panel) => setPanel(panel === which ? null : which);
  const [editing, setEditing] = useState<string | null>(null);
  const { state, chat } = page;
  useEffect(() => setEditing(null), [state.currentId]);
  useEffect(() => {
    document.title = chat ? `${chat.title} – ${strings.product}` : strings.product;
  }, [chat?.title]);

  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing) return;
      if (e.key === "Escape") {
        if (menu && narrow) setMenu(false);
        else if (panel) setPanel(null);
        else page.stop();
      } else if (e.altKey && !e.ctrlKey && !e.metaKey && e.code === "KeyN") {
        e.preventDefault();
        page.newChat();
        focusInput();
      } else if (e.key === "/" && !isTyping(e.target)) {
        e.preventDefault();
        focusInput();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [page, menu, panel, narrow]);

  const covered = narrow && (menu || panel !== null);
  const writing = state.currentId !== null ? state.writing[state.currentId] : undefined;
  const last = chat?.messages.filter((m) => m.role === "user").at(-1);

  return (
    <div class={`page${panel ? " with-settings" : ""}`}>
      <a class="skip" href={`#${kInputId}`}>
        {strings.skipToInput}
      </a>
      {(!narrow || menu) && (
        <Sidebar page={page} drawer={narrow} covered={narrow && panel !== null} onDone={() => setMenu(false)} />
      )}
      {covered && (
        <div
          class="shade"
          onClick={() => {
            setMenu(false);
            setPanel(null);
          }}
        />
      )}
      <main class="main" inert={covered}>
        <Header
          page={page}
          narrow={narrow}
          settings={panel === "settings"}
          server={panel === "server"}
          onMenu={() => setMenu(true)}
          onSettings={() => toggle("settings")}
          onServer={() => toggle("server")}
        />
        <Notices page={page} />
        <Thread page={page} chat={chat} writing={writing} editing={editing} onEdit={setEditing} />
        <Composer
          busy={writing !== undefined}
          ready={state.connection === "ready" && state.model !== ""}
          chatId={state.currentId}
          onSend={(text) => page.send(text)}
          onStop={() => page.stop()}
          onEditLast={() => last && !writing && setEditing(last.id)}
        />
      </main>
      {panel === "settings" && <Settings page={page} drawer={narrow} onClose={() => setPanel(null)} />}
      {panel === "server" && <ServerPanel page={page} drawer={narrow} onClose={() => setPanel(null)} />}
    </div>
  );
}

function focusInput(): void {
  document.getElementById(kInputId)?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
