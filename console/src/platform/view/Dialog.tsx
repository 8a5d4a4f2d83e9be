// A dialog over the page. The browser keeps the focus inside, closes it with Escape, and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
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
  kind?: string; // a class
}

export function Dialog({ title, onClose, children, wide, stays, kind }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useBackButton(stays ? null : onClose);
  useLayoutEffect(() => {
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
      class={["dialog", wide && "wide", kind].filter(Boolean).join(" ")}
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

// The browser's back button closes a dialog, and leaves the page below it where it is. Without `onClose` the dialog stays,
// and the browser asks before the tab is closed. It listens from the moment the dialog is on the page: an effect that waits
// for the next frame may come after the button.
function useBackButton(onClose: (() => void) | null): void {
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const here = location.href;
    const onBack = () => {
      if (location.href === here) return;
      history.pushState(null, "", here);
      close.current?.();
    };
    const onLeave = (e: Event) => {
      if (!close.current) e.preventDefault();
    };
    window.addEventListener("popstate", onBack);
    window.addEventListener("beforeunload", onLeave);
    return () => {
      window.removeEventListener("popstate", onBack);
      window.removeEventListener("beforeunload", onLeave);
    };
  }, []);
}

// After a form was sent, the first field that is wrong gets the focus; the server may say so later.
function useFirstWrong(form: { current: HTMLFormElement | null }): () => void {
  const sent = useRef(false);
  useEffect(() => {
    const wrong = sent.current ? form.current?.querySelector<HTMLElement>('[aria-invalid="true"]') : null;
    if (!wrong) return;
    sent.current = false;
    wrong.focus();
  });
  return () => void (sent.current = true);
}

interface FootProps {
  doing: Doing;
  submit: string;
  danger?: boolean | undefined;
  cancelFocused?: boolean;
  onCancel?: () => void;
}

// What went wrong, and the buttons of a form.
export function FormFoot({ doing, submit, danger, cancelFocused, onCancel }: FootProps) {
  return (
    <>
      <Failure failure={doing.failure} />
      <div class="dialog-foot">
        {onCancel && (
          <button type="button" class="secondary" autofocus={cancelFocused} onClick={onCancel}>
            {texts.cancel}
          </button>
        )}
        <button type="submit" class={danger ? "primary danger" : "primary"} disabled={doing.busy}>
          {doing.busy ? texts.working : submit}
        </button>
      </div>
    </>
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
  const form = useRef<HTMLFormElement>(null);
  const sent = useFirstWrong(form);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        ref={form}
        noValidate
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          sent();
          onSubmit();
        }}
      >
        {children}
        <FormFoot doing={doing} submit={submit} danger={danger} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
