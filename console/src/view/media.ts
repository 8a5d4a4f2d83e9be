// What the page knows of its screen.
import { useEffect, useState } from "preact/hooks";

// Side panels cover the page below this width.
export const kNarrow = "(max-width: 820px)";

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = () => setMatches(list.matches);
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, [query]);
  return matches;
}
