// Work on a span of time that takes one request or several: how far it came, and its end before its time.
import { useEffect, useRef, useState } from "preact/hooks";
import { serverNow } from "../../clock";
import { count } from "../../format";
import { invalidate } from "../../query";
import { words } from "../../ui/states";
import { toast } from "../../ui/toast";

export interface Work {
  inSteps: boolean; // it can be stopped between two; otherwise it is one request, which the server ends whoever waits for it
  // Does a part of it, from `after` on (0: the first one): how many go out, and where the next part begins (null: there is none).
  step: (since: string, until: string | null, after: number) => Promise<{ sent: number; next: number | null }>;
  done: (sent: number) => string; // said afterwards
}

// `stopping`: a step is on its way still, and what came of it must be known. `stopped`: by somebody, or by an error; it can go on from there.
export type Phase = "idle" | "going" | "stopping" | "stopped";
interface Standing {
  phase: Phase;
  sent: number;
  of: number; // so many there were when it began
  problem: string;
}
export interface Run extends Standing {
  go: (of: number) => Promise<boolean>; // whether all of it is done, and whoever began it is there still
  stop: () => void;
}
const kIdle: Standing = { phase: "idle", sent: 0, of: 0, problem: "" };

export const sentWords = ({ sent, of }: Pick<Standing, "sent" | "of">): string => `${count(sent)} of ${count(Math.max(sent, of))}`;

// `until` null: now. Whoever leaves stops it, and is told how far it came.
export function useRun(work: Work, since: string, until: string | null): Run {
  const [standing, setStanding] = useState(kIdle);
  const progress = useRef<{ until: string | null; after: number | null; sent: number; of: number } | null>(null);
  const isWanted = useRef(true);
  const isThere = useRef(true);
  useEffect(() => () => {
    isThere.current = false;
    isWanted.current = false;
  }, []);
  useEffect(() => {
    progress.current = null;
    setStanding(kIdle);
  }, [since, until]);

  const go = async (of: number): Promise<boolean> => {
    // Every step needs the same end; a single one leaves it to the server's clock.
    const end = until ?? (work.inSteps ? new Date(serverNow()).toISOString() : null);
    const at = (progress.current ??= { until: end, after: 0, sent: 0, of });
    const show = (phase: Phase, problem = ""): void => setStanding({ phase, sent: at.sent, of: at.of, problem });
    let problem = "";
    isWanted.current = true;
    show("going");
    try {
      while (at.after !== null && isWanted.current) {
        const { sent, next } = await work.step(since, at.until, at.after);
        at.after = next;
        at.sent += sent;
        show(isWanted.current ? "going" : "stopping");
      }
    } catch (error) {
      problem = words(error as Error);
    }
    invalidate();
    const isDone = at.after === null;
    if (isDone) progress.current = null;
    if (isDone) toast(work.done(at.sent));
    else if (!isThere.current) toast(`${problem || "Stopped."} ${sentWords(at)} were queued, and go out.`);
    show(isDone ? "idle" : at.sent > 0 ? "stopped" : "idle", problem);
    return isDone && isThere.current;
  };
  const stop = (): void => {
    isWanted.current = false;
    setStanding((before) => ({ ...before, phase: "stopping" }));
  };
  return { ...standing, go, stop };
}
