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
  const stop = new AbortController();
  let lastId = "";
  let timer = 0;
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
    const answer = await fetch(endpoint(path), { headers, cache: "no-store", credentials: "omit", signal: stop.signal });
    if (!answer.ok || !answer.body) return "absent";
    handlers.state("live");
    // Without a place to resume from, what changed since the page was read would be missed.
    if (!lastId) handlers.reset();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      buffer += value;
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        take(parse(buffer.slice(0, end)));
        buffer = buffer.slice(end + 2);
      }
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      let outcome: "ended" | "absent" = "ended";
      try {
        outcome = await read();
      } catch {
        if (!stop.signal.aborted) lost();
      }
      if (stop.signal.aborted) return;
      handlers.state(outcome === "absent" ? "polling" : "connecting");
      await pause(outcome === "absent" ? kPollInterval : kReconnectDelay);
      if (outcome === "absent" && !stop.signal.aborted) handlers.poll();
    }
  };
  void run();
  return () => {
    stop.abort();
    window.clearTimeout(timer);
  };
}
