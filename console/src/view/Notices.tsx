// Notices: no server, a key is required, storage is full, a chat was deleted.
import { useEffect, useState } from "preact/hooks";
import type { Console } from "../console";
import { strings } from "../strings";

const kUndoMs = 10000;

export function Notices({ page }: { page: Console }) {
  const { connection, deleted, storageFailed } = page.state;
  return (
    <div class="notices">
      {connection === "down" && (
        <div class="notice error" role="alert">
          <span>{strings.down}</span>
          <button type="button" class="text-button" onClick={() => void page.connect()}>
            {strings.retryNow}
          </button>
        </div>
      )}
      {connection === "loading" && (
        <div class="notice" role="status">
          {strings.loading}
        </div>
      )}
      {connection === "locked" && <KeyForm page={page} />}
      {storageFailed && (
        <div class="notice error" role="alert">
          {strings.storageFull}
        </div>
      )}
      {deleted.length > 0 && <Undo page={page} />}
    </div>
  );
}

function KeyForm({ page }: { page: Console }) {
  const [key, setKey] = useState("");
  const submit = (e: Event) => {
    e.preventDefault();
    if (key.trim()) void page.useKey(key);
  };
  return (
    <form class="notice key" onSubmit={submit}>
      <strong>{strings.keyTitle}</strong>
      {page.state.platform ? (
        <p class="quiet">
          {strings.platformKeyHint} <a href="#/keys">{strings.getKey}</a>
        </p>
      ) : (
        <p class="quiet">{strings.keyHint}</p>
      )}
      <div class="key-row">
        <input
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-label={strings.keyLabel}
          placeholder={strings.keyLabel}
          value={key}
          aria-invalid={page.state.keyRefused}
          onInput={(e) => setKey((e.currentTarget as HTMLInputElement).value)}
        />
        <button type="submit" class="primary">
          {strings.keySubmit}
        </button>
      </div>
      {page.state.keyRefused && (
        <p class="wrong" role="alert">
          {strings.keyWrong}
        </p>
      )}
    </form>
  );
}

function Undo({ page }: { page: Console }) {
  const { deleted } = page.state;
  useEffect(() => {
    const timer = setTimeout(() => page.forgetDeleted(), kUndoMs);
    return () => clearTimeout(timer);
  }, [deleted]);
  return (
    <div class="notice" role="status">
      <span>{deleted.length > 1 ? strings.allDeleted : strings.chatDeleted}</span>
      <button type="button" class="text-button" onClick={() => page.undoDelete()}>
        {strings.undo}
      </button>
    </div>
  );
}
