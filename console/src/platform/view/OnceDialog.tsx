// A secret that is shown once. The dialog closes only by its button, so that nobody loses the secret by accident.
import { isolated, texts } from "../texts";
import { Dialog } from "./Dialog";
import { CopyField } from "./fields";

interface Props {
  title: string;
  label: string;
  text: string;
  sample?: boolean; // also shows a first request with it
  onClose: () => void;
}

export function OnceDialog({ title, label, text, sample, onClose }: Props) {
  const command = `curl ${location.origin}/v1/models -H 'Authorization: Bearer ${text}'`;
  return (
    <Dialog title={texts.once.title(isolated(title))} onClose={onClose} stays>
      <div class="form">
        <p>{texts.once.hint}</p>
        <CopyField label={label} text={text} />
        {sample && <CopyField label={texts.once.command} text={command} />}
        <div class="dialog-foot">
          <button type="button" class="primary" onClick={onClose}>
            {texts.once.done}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
