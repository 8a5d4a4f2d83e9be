import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  label: string; // what it does, for a screen reader and as its tooltip
  size?: number;
  expanded?: boolean; // whether what it opens is open
  disabled?: boolean;
  onClick: () => void;
}

export function IconButton({ icon, label, size = 18, expanded, disabled, onClick }: Props) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      aria-expanded={expanded}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} size={size} />
    </button>
  );
}
