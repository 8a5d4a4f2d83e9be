// The conversation. It scrolls with the answer being written as long as the reader is at its end.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "../chat/chat";
import type { Console, Writing } from "../console";
import { strings } from "../strings";
import { copyText } from "./copy";
import { Icon } from "./Icon";
import { MessageView } from "./MessageView";

interface Props {
  page: Console;
  chat: Chat | undefined;
  writing: Writing | undefined;
  editing: string | null;
  onEdit: (id: string | null) => void;
}

const kNearEnd = 60; // pixels

export function Thread({ page, chat, writing, editing, onEdit }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const following = useRef(true);

  const toEnd = () => {
    const box = scroller.current;
    if (box && chat) box.scrollTop = box.scrollHeight;
  };
  const onScroll = () => {
    const box = scroller.current!;
    following.current = box.scrollHeight - box.scrollTop - box.clientHeight < kNearEnd;
    setAtEnd(following.current);
  };
  // After a change of the chat or a new question, scrolls to the end in any case.
  const begun = useRef("");
  const beginning = writing ? writing.messageId : begun.current;
  useLayoutEffect(() => {
    begun.current = beginning;
    following.current = true;
    toEnd();
  }, [chat?.id, beginning]);
  useLayoutEffect(() => {
    if (following.current && editing === null) toEnd();
  });

  return (
    <div class="thread-frame">
      <div
        class="thread"
        ref={scroller}
        onScroll={onScroll}
        onClick={copyCode}
        role="region"
        aria-label={strings.conversation}
        tabIndex={0}
      >
        {chat ? (
          <ol class="messages">
            {chat.messages.map((message, at) => (
              <MessageView
                key={message.id}
                message={message}
                isLast={at === chat.messages.length - 1}
                writing={writing?.messageId === message.id ? writing : undefined}
                busy={writing !== undefined}
                editing={editing === message.id}
                page={page}
                onEdit={onEdit}
              />
            ))}
          </ol>
        ) : (
          <Welcome page={page} />
        )}
      </div>
      {!atEnd && chat && (
        <button type="button" class="to-latest" aria-label={strings.toLatest} title={strings.toLatest} onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
      <Announcer chat={chat} writing={writing !== undefined} />
    </div>
  );
}

function Welcome({ page }: { page: Console }) {
  const { model, connection } = page.state;
  const ready = connection === "ready" && model !== "";
  return (
    <div class="welcome">
      <h1>{strings.emptyTitle}</h1>
      <p class="quiet">{ready ? strings.emptyHint(model) : "\u00a0"}</p>
      <div class="suggestions" hidden={connection === "down" || connection === "locked"}>
        {strings.suggestions.map(({ title, prompt }) => (
          <button type="button" key={title} class="suggestion" disabled={!ready} onClick={() => page.send(prompt)}>
            <strong>{title}</strong>
            <span>{prompt}</span>
          </button>
        ))}
      </div>
    </div>
  );
}

// Announces the beginning and the end of an answer to screen readers, but not every word in between.
function Announcer({ chat, writing }: { chat: Chat | undefined; writing: boolean }) {
  const [said, setSaid] = useState("");
  const was = useRef(writing);
  useEffect(() => {
    if (was.current === writing) return;
    was.current = writing;
    const last = chat?.messages.at(-1);
    setSaid(writing ? strings.answering : last?.ending === "failed" ? strings.answerFailed : strings.answered);
  }, [writing, chat]);
  return (
    <div class="offscreen" role="status">
      {said}
    </div>
  );
}

// One listener handles the Copy buttons of all code blocks.
async function copyCode(e: MouseEvent): Promise<void> {
  const button = (e.target as Element).closest<HTMLButtonElement>("button.copy-code");
  const code = button?.closest(".code")?.querySelector("code");
  if (!button || !code) return;
  button.textContent = (await copyText(code.textContent ?? "")) ? strings.copied : strings.copyFailed;
  setTimeout(() => (button.textContent = strings.copy), 1500);
}
