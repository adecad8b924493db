// One attempt of a delivery: when, how long, what came back, and what that means.
import type { JSX } from "preact";
import type { Attempt } from "../../api/types";
import { byteLength, bytes, duration } from "../../format";
import { attemptWords, shortReason } from "../../reasons";
import { Code } from "../../ui/code";
import { CheckIcon, ChevronIcon, CrossIcon } from "../../ui/icons";
import { Foreign, ResponseCode, Time } from "../../ui/text";

export function AttemptItem({ attempt }: { attempt: Attempt }): JSX.Element {
  const good = attempt.error === null;
  return (
    <li class={`attempt ${good ? "good" : "bad"}`}>
      <span class="mark">{good ? <CheckIcon /> : <CrossIcon />}</span>
      <div class="row wrap spread">
        <span class="row"><b>Attempt {attempt.number}</b>{attempt.response_status_code !== null ? <ResponseCode code={attempt.response_status_code} /> : <span class="code-badge bad">{shortReason(attempt.error, null)}</span>}</span>
        <span class="muted small number">{duration(attempt.duration_ms)} · <Time at={attempt.started_at} /></span>
      </div>
      {!good && <p class="small">{attemptWords(attempt)}</p>}
      {attempt.error_detail && <p class="small muted mono wrap-anywhere"><Foreign>{attempt.error_detail}</Foreign></p>}
      <Response attempt={attempt} />
    </li>
  );
}

function Response({ attempt }: { attempt: Attempt }): JSX.Element | null {
  const headers = attempt.response_headers ?? [];
  const body = attempt.response_body ?? "";
  if (headers.length === 0 && !body) return null;
  return (
    <details>
      <summary><ChevronIcon />Response{body ? `, ${bytes(byteLength(body))}${attempt.response_truncated ? " shown" : ""}` : ""}</summary>
      <div class="stack tight">
        {body && <Code label={`Response to attempt ${attempt.number}`} json wrapped text={body} title={attempt.response_truncated ? "Body, the first 16 KiB" : "Body"} />}
        {headers.length > 0 && <Headers headers={headers} />}
      </div>
    </details>
  );
}

// A value that is not known, or not shown, is told of in words.
export type HeaderValue = string | { told: string };
export const Headers = ({ headers }: { headers: [string, HeaderValue][] }): JSX.Element => (
  <dl class="facts headers mono">
    {headers.map(([name, value], i) => <Header key={i} name={name} value={value} />)}
  </dl>
);
const Header = ({ name, value }: { name: string; value: HeaderValue }): JSX.Element => (
  <><dt><Foreign>{name}</Foreign></dt><dd>{typeof value === "string" ? <Foreign>{value}</Foreign> : <span class="told">{value.told}</span>}</dd></>
);
