// Light or dark: the system's choice unless the viewer made one.
import { observable } from "./store";

export type Theme = "system" | "light" | "dark";
const kSlot = "skyhook.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(kSlot);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const theme = observable<Theme>(stored());
// Counts changes of what is really shown, so that canvases are drawn again.
export const shownTheme = observable<"light" | "dark">("light");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  const choice = theme.get();
  const shown = choice === "system" ? (systemDark.matches ? "dark" : "light") : choice;
  document.documentElement.dataset.theme = shown;
  shownTheme.set(shown);
}

export function setTheme(value: Theme): void {
  theme.set(value);
  try {
    if (value === "system") localStorage.removeItem(kSlot);
    else localStorage.setItem(kSlot, value);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
  apply();
}

systemDark.addEventListener("change", apply);
// Chosen in another tab.
window.addEventListener("storage", ({ key }) => {
  if (key !== kSlot) return;
  theme.set(stored());
  apply();
});
apply();
