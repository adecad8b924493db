// The live stream of one webhook's log. EventSource cannot send a key, so the stream is read with fetch. Where the server has no such
// stream to give, `poll` is called instead, every few seconds.
import { authorised, endpoint, lost } from "./http";
import type { Entry } from "./types";

export type Live = "live" | "polling" | "connecting";
export interface LiveHandlers {
  change: (entry: Entry) => void;
  reset: () => void; // changes were missed: read the page again
  poll: () => void;
  state: (state: Live) => void;
}
const kPollInterval = 5000;
const kReconnectDelay = 1500;
const kSilence = 45_000; // the server says something every 15 s; after three times that nobody is there any more

interface Message {
  kind: string;
  data: string;
  id: string | null;
}
function parse(block: string): Message {
  const message: Message = { kind: "message", data: "", id: null };
  for (const line of block.split("\n")) {
    if (line.startsWith("id:")) message.id = line.slice(3).trim();
    else if (line.startsWith("event:")) message.kind = line.slice(6).trim();
    else if (line.startsWith("data:")) message.data += line.slice(5).trim();
  }
  return message;
}

// Follows the stream at `path` until the returned function is called.
export function follow(path: string, handlers: LiveHandlers): () => void {
  let stopped = false;
  let attempt = new AbortController();
  let lastId = "";
  let timer = 0;
  let silence = 0;
  let isOpen = false;
  // A connection that broke without a word, as over a night's sleep, is not waited for.
  const heard = (): void => {
    window.clearTimeout(silence);
    silence = window.setTimeout(() => attempt.abort(), kSilence);
  };
  const pause = (ms: number): Promise<void> => new Promise((done) => (timer = window.setTimeout(done, ms)));

  const take = ({ kind, data, id }: Message): void => {
    if (id !== null) lastId = id;
    if (kind === "reset") handlers.reset();
    else if (data) handlers.change(JSON.parse(data) as Entry);
  };

  const read = async (): Promise<"ended" | "absent"> => {
    const headers = new Headers(authorised());
    headers.set("Accept", "text/event-stream");
    if (lastId) headers.set("Last-Event-ID", lastId);
    const answer = await fetch(endpoint(path), { headers, cache: "no-store", credentials: "omit", signal: attempt.signal });
    if (!answer.ok || !answer.body) return "absent";
    isOpen = true;
    handlers.state("live");
    // Without a place to resume from, what changed since the page was read would be missed.
    if (!lastId) handlers.reset();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      heard();
      buffer += value;
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        take(parse(buffer.slice(0, end)));
        buffer = buffer.slice(end + 2);
      }
    }
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      let outcome: "ended" | "absent" = "ended";
      isOpen = false;
      attempt = new AbortController();
      heard();
      try {
        outcome = await read();
      } catch {
        // One that was open may have been cut in between; whether the server is away is seen by opening it again.
        if (!stopped && !isOpen) lost();
      }
      window.clearTimeout(silence);
      if (stopped) return;
      handlers.state(outcome === "absent" ? "polling" : "connecting");
      if (outcome === "absent") handlers.poll();
      await pause(outcome === "absent" ? kPollInterval : kReconnectDelay);
    }
  };
  void run();
  return () => {
    stopped = true;
    attempt.abort();
    window.clearTimeout(timer);
    window.clearTimeout(silence);
  };
}
