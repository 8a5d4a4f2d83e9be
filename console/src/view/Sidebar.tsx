// All chats of this browser, the button for a new one, and the ways to the platform, the theme and the language.
import { useEffect, useRef } from "preact/hooks";
import type { Console } from "../console";
import { strings } from "../strings";
import { Choices } from "./Choices";
import { Brand } from "./Brand";
import { Icon } from "./Icon";

interface Props {
  page: Console;
  drawer: boolean; // the sidebar covers the conversation and closes after a choice
  covered: boolean;
  onDone: () => void;
}

export function Sidebar({ page, drawer, covered, onDone }: Props) {
  const { chats, currentId, platform, writing } = page.state;
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (drawer) first.current?.focus();
  }, [drawer]);
  const then = (act: () => void) => () => {
    act();
    if (drawer) onDone();
  };
  return (
    <nav class={`sidebar${drawer ? " drawer" : ""}`} aria-label={strings.chats} inert={covered}>
      <Brand closeLabel={strings.closeMenu} onClose={drawer ? onDone : null} />
      <button type="button" class="new-chat" ref={first} onClick={then(() => page.newChat())}>
        <Icon name="plus" />
        {strings.newChat}
      </button>
      <h2 class="sidebar-title">{strings.chats}</h2>
      {chats.length === 0 && <p class="quiet no-chats">{strings.noChats}</p>}
      <ul class="chats">
        {chats.map((chat) => (
          <li key={chat.id} class={chat.id === currentId ? "chat current" : "chat"}>
            <button
              type="button"
              class="chat-open"
              aria-current={chat.id === currentId ? "true" : undefined}
              title={chat.title}
              onClick={then(() => page.openChat(chat.id))}
            >
              {writing[chat.id] && <span class="dot writing" />}
              <span class="chat-title">{chat.title}</span>
            </button>
            <button
              type="button"
              class="icon-button chat-delete"
              aria-label={strings.deleteChat(chat.title)}
              title={strings.deleteChat(chat.title)}
              onClick={() => page.deleteChat(chat.id)}
            >
              <Icon name="trash" size={16} />
            </button>
          </li>
        ))}
      </ul>
      <div class="sidebar-foot">
        {platform && (
          <a class="foot-button" href="#/usage">
            <Icon name="key" size={16} />
            {strings.platform}
          </a>
        )}
        <Choices page={page} />
        {chats.length > 0 && (
          <button type="button" class="foot-button" onClick={() => page.deleteAll()}>
            <Icon name="trash" size={16} />
            {strings.deleteAll}
          </button>
        )}
      </div>
    </nav>
  );
}
