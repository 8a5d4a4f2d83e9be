// The ways to sign in: name and password, and a code if the member has a second factor; or a key with an administrative role.
import { useState } from "preact/hooks";
import { AdminError } from "../admin";
import type { Platform } from "../platform";
import { texts } from "../texts";
import { TextField } from "./fields";
import { Submit, useDoing } from "./loading";

interface Props {
  platform: Platform;
  onDone: () => void;
}

export function SignInPage({ platform, onDone }: Props) {
  const [withKey, setWithKey] = useState(false);
  return (
    <>
      {withKey ? <WithKey platform={platform} onDone={onDone} /> : <WithPassword platform={platform} />}
      <p class="entry-links">
        <button type="button" class="text-button" onClick={() => setWithKey(!withKey)}>
          {withKey ? texts.signIn.withPassword : texts.signIn.withKey}
        </button>
        <a href="#" onClick={() => void platform.signOut()}>
          {texts.signIn.toChat}
        </a>
      </p>
    </>
  );
}

function WithPassword({ platform }: { platform: Platform }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState<string | null>(null); // null: not asked for
  const [tried, setTried] = useState(false);
  const doing = useDoing();
  const missing = (value: string) => (tried && !value.trim() ? texts.filled : undefined);
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!name.trim() || !password || (code !== null && !code.trim())) return;
    const totp = code?.replace(/\s/g, "");
    await doing.run(async () => {
      try {
        await platform.signIn({ name: name.trim(), password, ...(totp && { totp }) });
      } catch (e) {
        if (!(e instanceof AdminError && e.code === "totp_required")) throw e;
        setTried(false);
        setCode("");
        if (totp) throw new AdminError(401, "wrong_code", "");
      }
    });
  };
  return (
    <form class="form" noValidate onSubmit={(e) => void submit(e)}>
      <TextField
        label={texts.signIn.name}
        value={name}
        onChange={setName}
        wrong={missing(name)}
        autocomplete="username"
        autofocus
      />
      <TextField
        label={texts.signIn.password}
        value={password}
        onChange={setPassword}
        wrong={missing(password)}
        type="password"
        autocomplete="current-password"
      />
      {code !== null && (
        <TextField
          label={texts.signIn.code}
          value={code}
          onChange={setCode}
          hint={texts.signIn.codeHint}
          wrong={missing(code)}
          autocomplete="one-time-code"
          numeric
          autofocus
        />
      )}
      <Submit doing={doing} label={texts.signIn.submit} />
    </form>
  );
}

function WithKey({ platform, onDone }: { platform: Platform; onDone: () => void }) {
  const [key, setKey] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useDoing();
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!key.trim()) return;
    const done = await doing.run(async () => {
      try {
        await platform.useKey(key);
      } catch (e) {
        if (e instanceof AdminError && (e.status === 401 || e.status === 403))
          throw new AdminError(e.status, "wrong_key", "");
        throw e;
      }
    });
    if (done) onDone();
  };
  return (
    <form class="form" noValidate onSubmit={(e) => void submit(e)}>
      <TextField
        label={texts.signIn.key}
        value={key}
        onChange={setKey}
        hint={texts.signIn.keyHint}
        wrong={tried && !key.trim() ? texts.filled : undefined}
        type="password"
        autofocus
      />
      <Submit doing={doing} label={texts.signIn.submit} />
    </form>
  );
}
