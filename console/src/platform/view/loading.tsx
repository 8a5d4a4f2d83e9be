// What pages load and what their buttons do: the progress of anything that takes long, and failures in words.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { AdminError } from "../admin";
import { texts } from "../texts";

const kLateMs = 400; // until then nothing is said, so fast answers do not flicker

export interface Loaded<T> {
  data: T | null; // the last that arrived; stays while it is loaded anew
  failure: AdminError | null;
  late: boolean;
  reload: () => Promise<void>;
}

// Loads at once, and again when `inputs` change. An answer to an older question is dropped.
export function useLoaded<T>(load: () => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [failure, setFailure] = useState<AdminError | null>(null);
  const [late, setLate] = useState(false);
  const asked = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++asked.current;
    const timer = setTimeout(() => mine === asked.current && setLate(true), kLateMs);
    try {
      const loaded = await load();
      if (mine !== asked.current) return;
      setData(loaded);
      setFailure(null);
    } catch (e) {
      if (mine === asked.current) setFailure(adminError(e));
    } finally {
      clearTimeout(timer);
      if (mine === asked.current) setLate(false);
    }
  }, inputs);
  useEffect(() => {
    void reload();
    return () => void asked.current++;
  }, [reload]);
  const isOut = failure?.code === "unauthenticated";
  useEffect(() => {
    if (!isOut) return;
    waiting.add(reload);
    return () => void waiting.delete(reload);
  }, [isOut, reload]);
  return { data, failure, late, reload };
}

// What could not be loaded because nobody was signed in.
const waiting = new Set<() => Promise<void>>();

// To be called when somebody has signed in.
export function loadAgain(): void {
  for (const reload of waiting) void reload();
}

export interface Doing {
  busy: boolean;
  failure: AdminError | null; // what no field of the form shows
  // What the server says is wrong with a field of the form.
  wrong: (field: string) => string | undefined;
  // One at a time; whether it succeeded.
  run: (deed: () => Promise<unknown>) => Promise<boolean>;
}

// `fields`: those of the request that have a place in the form.
export function useDoing(...fields: string[]): Doing {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<AdminError | null>(null);
  const running = useRef(false);
  const run = async (deed: () => Promise<unknown>) => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(null);
    try {
      await deed();
      return true;
    } catch (e) {
      setFailure(adminError(e));
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  const field = fields.find((name) => failure !== null && isAt(failure.param, name));
  const wrong = (name: string) => (failure && name === field ? fieldWords(failure) : undefined);
  return { busy, failure: field ? null : failure, wrong, run };
}

// "ips[2]" is at "ips".
function isAt(param: string, field: string): boolean {
  return param === field || param.startsWith(`${field}[`) || param.startsWith(`${field}.`);
}

function fieldWords(failure: AdminError): string {
  const [words, detail] = wordsOf(failure);
  return words === texts.errors.other ? detail : words;
}

function adminError(e: unknown): AdminError {
  return e instanceof AdminError ? e : new AdminError(0, "broken", String(e));
}

// The page's words for a failure; the server's own sentence follows where it says more.
export function wordsOf({ code, detail, status }: AdminError): [string, string] {
  const known = texts.errors as Record<string, string>;
  if (Object.hasOwn(known, code) && code !== "other") return [known[code]!, code === "broken" ? detail : ""];
  if (status === 429) return [texts.errors.too_many, ""];
  if (status === 503) return [texts.errors.busy, ""];
  if (status >= 500) return [texts.errors.broken, detail];
  if (status === 404) return [texts.errors.not_found, ""];
  return [texts.errors.other, detail || `HTTP ${status}`];
}

export function Failure({ failure, onAgain }: { failure: AdminError | null; onAgain?: () => void }) {
  if (!failure) return null;
  const [words, detail] = wordsOf(failure);
  return (
    <div class="notice error" role="alert">
      <span>
        {words}
        {detail && <span class="failure-detail"> {detail}</span>}
      </span>
      {onAgain && (
        <button type="button" class="text-button" onClick={onAgain}>
          {texts.again}
        </button>
      )}
    </div>
  );
}

// The state of something that is loaded, above what there is of it.
export function LoadState({ loaded }: { loaded: Loaded<unknown> }) {
  return (
    <>
      <Failure failure={loaded.failure} onAgain={() => void loaded.reload()} />
      <Progress shown={loaded.late} words={texts.loading} />
    </>
  );
}

export function Progress({ shown, words }: { shown: boolean; words: string }) {
  return (
    <div class="progress" role="status">
      {shown && (
        <>
          <span class="progress-bar" />
          <span>{words}</span>
        </>
      )}
    </div>
  );
}

export function Empty({ title, hint, children }: { title: string; hint: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <p class="quiet">{hint}</p>
      {children}
    </div>
  );
}

// The foot of a form: why it failed, and the button that sends it.
export function Submit({ doing, label }: { doing: Doing; label: string }) {
  return (
    <>
      <Failure failure={doing.failure} />
      <button type="submit" class="primary" disabled={doing.busy}>
        {doing.busy ? texts.working : label}
      </button>
    </>
  );
}
