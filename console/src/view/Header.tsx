// Shows the model and the state of the server, and has the buttons of the side panels.
import type { Connection, Console } from "../console";
import { strings } from "../strings";
import { IconButton } from "./IconButton";

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
      {narrow && <IconButton icon="menu" label={strings.openMenu} size={20} onClick={onMenu} />}
      <ModelName page={page} />
      <span class="spacer" />
      {narrow && <IconButton icon="plus" label={strings.newChat} size={20} onClick={() => page.newChat()} />}
      <IconButton icon="gauge" label={strings.openServer} size={20} expanded={server} onClick={onServer} />
      <IconButton icon="sliders" label={strings.openSettings} size={20} expanded={settings} onClick={onSettings} />
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
