import type { JSX } from "preact";
import { useObservable } from "../store";
import { setTheme, theme, type Theme } from "../theme";
import { Button } from "./button";
import { MoonIcon, ScreenIcon, SunIcon } from "./icons";

const kNextTheme: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
export function ThemeButton(): JSX.Element {
  const current = useObservable(theme);
  const Icon = current === "light" ? SunIcon : current === "dark" ? MoonIcon : ScreenIcon;
  const label = `Theme: ${current === "system" ? "as the system" : current}. Change to ${kNextTheme[current] === "system" ? "the system's" : kNextTheme[current]}`;
  return <Button kind="plain" small icon aria-label={label} title={label} onClick={() => setTheme(kNextTheme[current])}><Icon /></Button>;
}
