// A secret or a key at the only moment at which it is seen: above whatever screen is there by the time it comes, so that nobody loses
// it who has gone on meanwhile.
import { createContext } from "preact";
import type { ComponentChildren, JSX } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { stayHere } from "../router";
import { CopyButton } from "./button";

type MakeDialog = (close: () => void) => JSX.Element;
const Context = createContext<(make: MakeDialog) => void>(() => undefined);

// Shows a dialog until it closes itself, or somebody else signs in.
export const useReveal = (): ((make: MakeDialog) => void) => useContext(Context);

// To be put around every screen of one session.
export function Reveals({ children }: { children: ComponentChildren }): JSX.Element {
  const [shown, setShown] = useState<MakeDialog | null>(null);
  return (
    <Context.Provider value={(make) => setShown(() => make)}>
      {children}
      {shown?.(() => setShown(null))}
    </Context.Provider>
  );
}

// Back does not take it away.
export function Once({ value, name, testId }: { value: string; name: string; testId: string }): JSX.Element {
  useEffect(stayHere, []);
  return <div class="secret"><code data-testid={testId}>{value}</code><CopyButton text={value} label={`Copy ${name}`} /></div>;
}
