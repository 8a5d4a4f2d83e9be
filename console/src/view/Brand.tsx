import { strings } from "../strings";
import { Logo } from "./Icon";
import { IconButton } from "./IconButton";

// The head of a menu; one that lies over the page can be closed.
export function Brand({ closeLabel, onClose }: { closeLabel: string; onClose: (() => void) | null }) {
  return (
    <div class="brand">
      <Logo />
      <span>{strings.product}</span>
      {onClose && <IconButton icon="close" label={closeLabel} onClick={onClose} />}
    </div>
  );
}
