// The input field. It grows with the text; Enter sends, Shift+Enter starts a new line.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { strings } from "../strings";
import { Icon } from "./Icon";

export const kInputId = "message";

interface Props {
  busy: boolean; // an answer is being written
  ready: boolean;
  chatId: string | null;
  onSend: (text: string) => void;
  onStop: () => void;
  onEditLast: () => void;
}

export function Composer({ busy, ready, chatId, onSend, onStop, onEditLast }: Props) {
  const [text, setText] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const canSend = ready && !busy && text.trim() !== "";

  useLayoutEffect(() => {
    const box = area.current!;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [text]);
  // Not on phones, where the keyboard would cover the page.
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) area.current?.focus();
  }, [chatId]);

  const send = () => {
    if (!canSend) return;
    onSend(text);
    setText("");
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    if (e.key === "Enter" && !e.shiftKey) {
      e.preventDefault();
      send();
    } else if (e.key === "ArrowUp" && text === "") {
      e.preventDefault();
      onEditLast();
    }
  };
  return (
    <footer class="composer">
      <div class="composer-column">
        <div class="composer-box">
          <textarea
            id={kInputId}
            ref={area}
            rows={1}
            aria-label={strings.inputLabel}
            placeholder={strings.inputHint}
            value={text}
            onInput={(e) => setText((e.currentTarget as HTMLTextAreaElement).value)}
            onKeyDown={onKeyDown}
          />
          {busy ? (
            <button type="button" class="round stop" aria-label={strings.stop} title={strings.stop} onClick={onStop}>
              <Icon name="stop" />
            </button>
          ) : (
            <button
              type="button"
              class="round"
              aria-label={strings.send}
              title={strings.send}
              disabled={!canSend}
              onClick={send}
            >
              <Icon name="up" />
            </button>
          )}
        </div>
        <p class="ai-notice">{strings.aiNotice}</p>
      </div>
    </footer>
  );
}
