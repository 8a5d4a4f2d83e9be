// The page's icons, drawn on a 24 × 24 grid in the colour of the surrounding text.
const paths = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  gauge: "M4 18a9 9 0 1 1 16 0M12 14l4-5M12 12.7a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  check: "M5 12.5 10 17.5 19.5 7",
  pencil: "M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM13.5 7.5l3 3",
  redo: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4",
  forward: "M4.5 12h14.5M13 6l6 6-6 6",
  up: "M12 19V5.5M6 11.5l6-6 6 6",
  down: "M12 5v13.5M6 12.5l6 6 6-6",
  stop: "M7.5 5.5h9a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2z",
  key: "M8.5 11.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11.4 12.6l8.1-8.1M16 8l3 3",
  globe: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17",
  chat: "M5 5h14v11h-8l-4.5 3.5V16H5z",
  chart: "M4 20h16M6.5 16v-5M12 16V5M17.5 16V9",
  folder: "M4 6.5h6l2 2.5h8v9.5H4z",
  wallet: "M4 7.5V18a1.5 1.5 0 0 0 1.5 1.5H20v-12H5.5a1.5 1.5 0 0 1 0-3H18v3M16 13.4h.1",
  people:
    "M9 5.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM3.5 19c.5-7 10.5-7 11 0M16 6a2.7 2.7 0 0 1 0 5.4M17 14.2c2 .6 3.2 2.2 3.5 4.8",
  tag: "M4.5 4.5h7l8 8-7 7-8-8zM8.5 8.5h.1",
  person: "M12 4.5a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4zM5 20c.6-8 13.4-8 14 0",
  leave: "M13 4.5H5v15h8M10 12h10M16 8l4 4-4 4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M18.7 5.3 17 7M7 17l-1.7 1.7",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
};

export type IconName = keyof typeof paths;
const kFilled = new Set<IconName>(["stop"]);

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} class={kFilled.has(name) ? "filled" : undefined} />
      {name === "auto" && <path d="M12 4a8 8 0 0 0 0 16z" class="filled" />}
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="logo-ground" />
      <path d="M8.5 23 16 8.5 23.5 23" class="logo-line" />
      <circle cx="16" cy="20" r="2.2" class="logo-dot" />
    </svg>
  );
}
