// Setting up the second factor: the secret as text and as a link; no image service of others sees it.
import { useState } from "preact/hooks";
import { AdminError } from "../admin";
import type { Platform } from "../platform";
import { texts } from "../texts";
import { CopyField, TextField } from "./fields";
import { LoadState, Submit, useDoing, useLoaded } from "./loading";

// A page of its own, for administrators who have none yet.
export function TotpPage({ platform }: { platform: Platform }) {
  return (
    <>
      <h1>{texts.totp.title}</h1>
      <p class="quiet">{texts.totp.why}</p>
      <TotpSetUp platform={platform} onDone={() => void platform.look()} />
      <p class="entry-links">
        <button type="button" class="text-button" onClick={() => void platform.signOut()}>
          {texts.signOut}
        </button>
      </p>
    </>
  );
}

export function TotpSetUp({ platform, onDone }: { platform: Platform; onDone: () => void }) {
  const { admin } = platform;
  const begun = useLoaded(() => admin.beginTotp(), []);
  const [code, setCode] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useDoing();
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!code.trim()) return;
    const done = await doing.run(async () => {
      try {
        await admin.confirmTotp(code.replace(/\s/g, ""));
      } catch (e) {
        if (e instanceof AdminError && e.status >= 400 && e.status < 500 && e.code !== "unauthenticated")
          throw new AdminError(e.status, "wrong_code", "");
        throw e;
      }
    });
    if (done) onDone();
  };
  if (!begun.data) return <LoadState loaded={begun} />;
  const { secret, uri } = begun.data;
  return (
    <form class="form" noValidate onSubmit={(e) => void submit(e)}>
      <p>{texts.totp.step1}</p>
      <CopyField label={texts.totp.secret} text={secret.replace(/(.{4})(?=.)/g, "$1 ")} />
      <CopyField label={texts.totp.uri} text={uri} />
      {uri.startsWith("otpauth:") && <a href={uri}>{texts.totp.open}</a>}
      <p>{texts.totp.step2}</p>
      <TextField
        label={texts.totp.code}
        value={code}
        onChange={setCode}
        hint={texts.signIn.codeHint}
        wrong={tried && !code.trim() ? texts.filled : undefined}
        autocomplete="one-time-code"
        numeric
      />
      <Submit doing={doing} label={texts.totp.submit} />
    </form>
  );
}
