// A dialog over the page. The browser keeps the focus inside, closes it with Escape, and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "../../view/Icon";
import { texts } from "../texts";
import type { Doing } from "./loading";
import { Failure } from "./loading";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
  // Neither Escape nor the corner's button closes it: what it shows cannot be shown again.
  stays?: boolean;
}

export function Dialog({ title, onClose, children, wide, stays }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const onCancel = (e: Event) => {
    e.preventDefault();
    if (!stays) onClose();
  };
  // Browsers let a second Escape pass without asking.
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === "Escape" && stays) e.preventDefault();
  };
  return (
    <dialog
      ref={box}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onCancel={onCancel}
      onKeyDown={onKeyDown}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        {!stays && (
          <button type="button" class="icon-button" aria-label={texts.close} title={texts.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      {children}
    </dialog>
  );
}

interface FormProps {
  title: string;
  submit: string;
  danger?: boolean;
  doing: Doing;
  onSubmit: () => void;
  onClose: () => void;
  children?: ComponentChildren;
}

// A dialog with fields, or with a question only.
export function FormDialog({ title, submit, danger, doing, onSubmit, onClose, children }: FormProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        noValidate
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          onSubmit();
        }}
      >
        {children}
        <Failure failure={doing.failure} />
        <div class="dialog-foot">
          <button type="button" class="secondary" onClick={onClose}>
            {texts.cancel}
          </button>
          <button type="submit" class={danger ? "primary danger" : "primary"} disabled={doing.busy}>
            {doing.busy ? texts.working : submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
