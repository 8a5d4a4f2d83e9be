// One message with its buttons; for an answer also its ending, counts and speed.
import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { canContinue, tokensPerSecond, type Call, type Message } from "../chat/chat";
import type { Console, Writing } from "../console";
import type { PromptCache } from "../server/wire";
import { strings } from "../strings";
import { copyText } from "./copy";
import { IconButton } from "./IconButton";
import { Markdown } from "./Markdown";

interface Props {
  page: Console;
  message: Message;
  isLast: boolean;
  writing: Writing | undefined;
  busy: boolean;
  editing: boolean;
  onEdit: (id: string | null) => void;
}

// Renders again only if a property has changed: while one answer grows, the other messages stay as they are.
export class MessageView extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return (Object.keys(next) as (keyof Props)[]).some((name) => next[name] !== this.props[name]);
  }

  override render() {
    const { message, editing, isLast, page, onEdit } = this.props;
    const answer = message.role === "assistant";
    if (editing) {
      return (
        <li class={`message ${message.role}`}>
          <Editor
            message={message}
            isLast={isLast}
            onCancel={() => onEdit(null)}
            onSave={(text) => {
              onEdit(null);
              page.edit(message.id, text);
            }}
          />
        </li>
      );
    }
    return (
      <li class={`message ${message.role}`} aria-busy={this.props.writing !== undefined}>
        {answer ? <Answer {...this.props} /> : <Question {...this.props} />}
      </li>
    );
  }
}

function Question({ message, busy, onEdit }: Props) {
  return (
    <>
      <h2 class="offscreen">{strings.you}</h2>
      <div class="bubble">{message.text}</div>
      <div class="actions">
        <CopyButton text={message.text} />
        <IconButton size={16} icon="pencil" label={strings.edit} disabled={busy} onClick={() => onEdit(message.id)} />
      </div>
    </>
  );
}

function Answer({ page, message, isLast, writing, busy, onEdit }: Props) {
  const { text, reasoning, calls, model = "", ending, failure } = message;
  const said = text || reasoning || calls;
  return (
    <>
      <h2 class="author">
        <span class="author-model">{model}</span>
        {(said || writing) && <span class="ai-label">{strings.ai}</span>}
      </h2>
      {reasoning && <Reasoning text={reasoning} thinking={writing !== undefined && !text && !calls} />}
      {text && <Markdown text={text} />}
      {calls?.map((call, i) => (
        <CallView key={i} call={call} />
      ))}
      {writing && !said && <Waiting since={writing.sentAt} />}
      {ending === "done" && !text && !calls && <p class="ending quiet">{strings.empty}</p>}
      {ending === "stopped" && <p class="ending quiet">{strings.stopped}</p>}
      {ending === "length" && <p class="ending quiet">{strings.length}</p>}
      {failure && (
        <div class="failure" role="alert">
          <p>{strings.failures[failure.kind] ?? strings.failures.broken}</p>
          {failure.detail && <p class="failure-detail">{failure.detail}</p>}
        </div>
      )}
      <div class="answer-foot">
        <Numbers message={message} writing={writing} />
        {!writing && (
          <div class="actions">
            {text && <CopyButton text={strings.copiedAnswer(text, model)} />}
            {text && (
              <IconButton
                size={16}
                icon="pencil"
                label={strings.edit}
                disabled={busy}
                onClick={() => onEdit(message.id)}
              />
            )}
            <IconButton
              size={16}
              icon="redo"
              label={strings.regenerate}
              disabled={busy}
              onClick={() => page.regenerate(message.id)}
            />
            {isLast && canContinue(message) && (
              <IconButton
                size={16}
                icon="forward"
                label={strings.continue}
                disabled={busy}
                onClick={() => page.continue(message.id)}
              />
            )}
          </div>
        )}
      </div>
      {!writing && message.stats?.cache && <Reuse cache={message.stats.cache} />}
    </>
  );
}

// Open while the model thinks, then collapsed until it is clicked.
function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
  return (
    <details class="reasoning" open={thinking}>
      <summary>{thinking ? strings.reasons : strings.reasoning}</summary>
      <p>{text}</p>
    </details>
  );
}

function CallView({ call }: { call: Call }) {
  return (
    <div class="call">
      <p>{strings.calls(call.name)}</p>
      <pre>{readable(call.arguments)}</pre>
    </div>
  );
}

// Indents the text if it is complete JSON.
function readable(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function Numbers({ message, writing }: { message: Message; writing: Writing | undefined }) {
  const parts: string[] = [];
  if (writing && writing.firstAt !== null) {
    const seconds = (writing.lastAt - writing.firstAt) / 1000;
    if (writing.pieces > 4 && seconds > 0) parts.push(strings.liveRate((writing.pieces - 1) / seconds));
  } else if (message.stats) {
    const { answerTokens, promptTokens, cachedTokens, waitSeconds } = message.stats;
    const rate = tokensPerSecond(message.stats);
    if (rate !== null) parts.push(strings.rate(rate));
    parts.push(strings.answerTokens(answerTokens));
    parts.push(strings.promptTokens(promptTokens, cachedTokens), strings.firstAfter(waitSeconds));
  }
  if (parts.length === 0) return null;
  return (
    <p class="numbers">
      {parts.map((part) => (
        <span key={part}>{part}</span>
      ))}
    </p>
  );
}

// Why not more of the prompt was reused; with the texts where it leaves the nearest one, if the server told them.
function Reuse({ cache }: { cache: PromptCache }) {
  const { read, possible, why, at, part = "", diagnostics } = cache;
  if (typeof at !== "number") return null;
  return (
    <details class="reuse">
      <summary>{strings.reusedOf(read, possible, why)}</summary>
      <p>{strings.leavesAt(at, part)}</p>
      {diagnostics && (
        <dl>
          <dt>{strings.thisPrompt}</dt>
          <dd>{diagnostics.prompt}</dd>
          <dt>{strings.nearestPrompt}</dt>
          <dd>{diagnostics.entry}</dd>
        </dl>
      )}
    </details>
  );
}

function Waiting({ since }: { since: number }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.round((performance.now() - since) / 1000)), 1000);
    return () => clearInterval(timer);
  }, [since]);
  return (
    <p class="waiting quiet">
      <span class="pulse" />
      {strings.waiting(seconds)}
    </p>
  );
}

interface EditorProps {
  message: Message;
  isLast: boolean;
  onSave: (text: string) => void;
  onCancel: () => void;
}

function Editor({ message, isLast, onSave, onCancel }: EditorProps) {
  const [text, setText] = useState(message.text);
  const area = useRef<HTMLTextAreaElement>(null);
  const question = message.role === "user";
  useEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(message.text.length, message.text.length);
  }, []);
  const save = () => text.trim() && onSave(text);
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    if (e.key === "Escape") {
      e.preventDefault();
      onCancel();
    } else if (e.key === "Enter" && (question ? !e.shiftKey : e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      save();
    }
  };
  return (
    <div class="editor">
      <textarea
        ref={area}
        aria-label={strings.editLabel}
        value={text}
        rows={Math.min(16, Math.max(3, text.split("\n").length + 1))}
        onInput={(e) => setText((e.currentTarget as HTMLTextAreaElement).value)}
        onKeyDown={onKeyDown}
      />
      <div class="editor-foot">
        <span class="quiet">{isLast ? "" : strings.editLosesLater}</span>
        <button type="button" class="secondary" onClick={onCancel}>
          {strings.cancel}
        </button>
        <button type="button" class="primary" disabled={!text.trim()} onClick={save}>
          {question ? strings.saveAndSend : strings.save}
        </button>
      </div>
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  const label = copied === null ? strings.copy : copied ? strings.copied : strings.copyFailed;
  const onClick = async () => {
    setCopied(await copyText(text));
    setTimeout(() => setCopied(null), 1500);
  };
  return (
    <IconButton
      icon={copied === null ? "copy" : copied ? "check" : "close"}
      label={label}
      size={16}
      onClick={() => void onClick()}
    />
  );
}
