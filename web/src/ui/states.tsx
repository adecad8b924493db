// What a place shows while it loads, when there is nothing, when nothing matches, and when it went wrong.
import type { ComponentChildren, JSX } from "preact";
import { ApiError, TimedOut, Unreachable } from "../api/http";
import { Button } from "./button";
import { AlertIcon, CheckIcon, InfoIcon, PlugIcon, SearchIcon } from "./icons";

// Holds the place of what comes, at its size.
export const Bone = ({ width, height = 14 }: { width: number | string; height?: number }): JSX.Element => (
  <span class="bone" style={{ width: typeof width === "number" ? `${width}px` : width, height: `${height}px` }} aria-hidden="true" />
);

export function BoneRows({ rows, columns }: { rows: number; columns: number[] }): JSX.Element {
  return (
    <>
      {Array.from({ length: rows }, (_, row) => (
        <tr key={row} aria-hidden="true">
          {columns.map((width, column) => (
            <td key={column} class={column > 1 && column < columns.length - 1 ? "optional" : ""}><Bone width={width} /></td>
          ))}
        </tr>
      ))}
    </>
  );
}

export function Note({ tone = "", children }: { tone?: "" | "good" | "warn" | "bad"; children: ComponentChildren }): JSX.Element {
  const Icon = tone === "good" ? CheckIcon : tone === "" ? InfoIcon : AlertIcon;
  return <div class={`note ${tone}`}><Icon /><div>{children}</div></div>;
}

export function Empty({ title, children, actions, icon }: {
  title: string; children: ComponentChildren; actions?: ComponentChildren; icon?: JSX.Element;
}): JSX.Element {
  return (
    <div class="state">
      {icon && <span class="picture">{icon}</span>}
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

export function NoMatch({ children, onClear }: { children: ComponentChildren; onClear: () => void }): JSX.Element {
  return <Empty title="Nothing matches" icon={<SearchIcon />} actions={<Button onClick={onClear}>Clear filters</Button>}>{children}</Empty>;
}

export function Failure({ error, onRetry }: { error: Error; onRetry: () => void }): JSX.Element {
  const [title, text] = failureWords(error);
  return (
    <div role="alert">
      <Empty title={title} icon={error instanceof Unreachable ? <PlugIcon /> : <AlertIcon />} actions={<Button onClick={onRetry}>Try again</Button>}>
        {text}
      </Empty>
    </div>
  );
}

function failureWords(error: Error): [string, string] {
  if (error instanceof Unreachable) return ["The server cannot be reached", "The page asks again every few seconds and goes on by itself once the server answers."];
  if (error instanceof TimedOut) return ["The server does not answer", `${error.message} The page asks again by itself.`];
  if (error instanceof ApiError) {
    if (error.status === 429) return ["Too many requests", `This key has used up its requests for now. The page goes on by itself in ${error.retryAfterSeconds ?? "a few"} seconds.`];
    if (error.status === 404) return ["Not here", "It was deleted, or there never was one."];
    if (error.status === 403) return ["Not allowed", error.message];
    if (error.status === 503) return ["The server is busy", "It cannot reach its store at the moment. Nothing that was accepted is lost. Try again in a moment."];
    if (error.status >= 500) return ["The server failed to answer", error.message];
    return ["That did not work", words(error)];
  }
  return ["That did not work", error.message];
}

// An error in one sentence, for a note or a toast: of what was refused, what is wrong with it.
export function words(error: Error): string {
  if (error instanceof TimedOut || error instanceof Unreachable) return error.message;
  if (!(error instanceof ApiError)) return failureWords(error).join(". ");
  return Object.values(error.errors).flat().join(" ") || error.message;
}
