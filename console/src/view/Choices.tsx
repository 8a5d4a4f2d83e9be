// The buttons for the theme and the language, at the foot of each page's navigation.
import type { Theme } from "../chat/shelf";
import type { Console } from "../console";
import { strings } from "../strings";
import { Icon, type IconName } from "./Icon";

const kNextTheme: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const kThemeIcon: Record<Theme, IconName> = { auto: "auto", light: "sun", dark: "moon" };

export function Choices({ page }: { page: Console }) {
  const { theme, language } = page.state;
  const other = language === "zh" ? "en" : "zh";
  return (
    <>
      <button type="button" class="foot-button" onClick={() => page.setTheme(kNextTheme[theme])}>
        <Icon name={kThemeIcon[theme]} size={16} />
        {strings.theme[theme]}
      </button>
      <button
        type="button"
        class="foot-button"
        lang={other === "zh" ? "zh-CN" : "en"}
        onClick={() => void page.setLanguage(other)}
      >
        <Icon name="globe" size={16} />
        {strings.otherLanguage}
      </button>
    </>
  );
}
