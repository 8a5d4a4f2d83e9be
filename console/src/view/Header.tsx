// Shows the model and the state of the server, and has the buttons of the side panels.
import type { Connection, Console } from "../console";
import { strings } from "../strings";
import { Icon } from "./Icon";

interface Props {
  page: Console;
  narrow: boolean;
  settings: boolean;
  server: boolean;
  onMenu: () => void;
  onSettings: () => void;
  onServer: () => void;
}

export function Header({ page, narrow, settings, server, onMenu, onSettings, onServer }: Props) {
  return (
    <header class="header">
      {narrow && (
        <button
          type="button"
          class="icon-button"
          aria-label={strings.openMenu}
          title={strings.openMenu}
          onClick={onMenu}
        >
          <Icon name="menu" size={20} />
        </button>
      )}
      <ModelName page={page} />
      <span class="spacer" />
      {narrow && (
        <button
          type="button"
          class="icon-button"
          aria-label={strings.newChat}
          title={strings.newChat}
          onClick={() => page.newChat()}
        >
          <Icon name="plus" size={20} />
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={strings.openServer}
        title={strings.openServer}
        aria-expanded={server}
        onClick={onServer}
      >
        <Icon name="gauge" size={20} />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={strings.openSettings}
        title={strings.openSettings}
        aria-expanded={settings}
        onClick={onSettings}
      >
        <Icon name="sliders" size={20} />
      </button>
    </header>
  );
}

function ModelName({ page }: { page: Console }) {
  const { connection, models, model } = page.state;
  return (
    <div class="model">
      <span class={`dot ${connection}`} />
      {models.length > 1 ? (
        <select
          aria-label={strings.model}
          value={model}
          onChange={(e) => page.pickModel((e.currentTarget as HTMLSelectElement).value)}
        >
          {models.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      ) : (
        <span class="model-name" title={model || undefined}>
          {model || placeholder(connection)}
        </span>
      )}
    </div>
  );
}

function placeholder(connection: Connection): string {
  return connection === "connecting" ? strings.connecting : connection === "ready" ? strings.noModel : strings.product;
}
