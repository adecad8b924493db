import { useState } from "preact/hooks";
import { invalidate } from "../query";
import { words } from "../ui/states";
import { toast } from "../ui/toast";

// Switching something on and off. `off` rejects where it is refused: for a dialog that asked first and says why.
export function usePower(noun: string, change: (active: boolean) => Promise<unknown>): { busy: boolean; on: () => void; off: () => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const to = async (active: boolean): Promise<void> => {
    setBusy(true);
    try {
      await change(active);
      invalidate();
      toast(`The ${noun} is ${active ? "on" : "off"}.`);
    } finally {
      setBusy(false);
    }
  };
  return { busy, on: () => void to(true).catch((error: Error) => toast(words(error))), off: () => to(false) };
}
