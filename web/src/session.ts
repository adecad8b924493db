// Who is signed in. The key is kept in this tab's session storage, which ends with the tab, or in memory alone; it is never
// written anywhere that outlives either.
import { observable } from "./store";

export type Role = "account" | "operator";
export interface Session {
  role: Role;
  key: string;
}

const kSlot = "skyhook.session";
const kAccountPrefix = "sk_live_";

export function roleOf(key: string): Role {
  return key.startsWith(kAccountPrefix) ? "account" : "operator";
}

function stored(): Session | null {
  try {
    const key = sessionStorage.getItem(kSlot);
    return key ? { role: roleOf(key), key } : null;
  } catch {
    return null;
  }
}

export const session = observable<Session | null>(stored());
// Why the sign-in page is shown again, where it is not the user's own wish.
export const signedOutBecause = observable<string>("");

export function signIn(key: string, remember: boolean): void {
  signedOutBecause.set("");
  try {
    if (remember) sessionStorage.setItem(kSlot, key);
    else sessionStorage.removeItem(kSlot);
  } catch {
    // Storage is switched off: the key stays in memory.
  }
  session.set({ role: roleOf(key), key });
}

export function signOut(because = ""): void {
  try {
    sessionStorage.removeItem(kSlot);
  } catch {
    // As above.
  }
  signedOutBecause.set(because);
  session.set(null);
}
