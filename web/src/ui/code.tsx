import type { ComponentChildren, JSX } from "preact";
import { CopyButton } from "./button";
import { visible } from "./text";

const kHighlightLimit = 24 * 1024; // characters; above it the colours are not worth their elements

export function Code({ text, title, json, wrapped, label }: {
  text: string; title?: ComponentChildren; json?: boolean; wrapped?: boolean; label: string;
}): JSX.Element {
  return (
    <div class={`code${wrapped ? " wrapped" : ""}`}>
      <div class="bar"><span class="grow">{title}</span><CopyButton text={text} /></div>
      <pre tabIndex={0} role="region" aria-label={label} dir="ltr"><code>{json && text.length <= kHighlightLimit && isJson(text) ? highlight(visible(text)) : visible(text)}</code></pre>
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function highlight(text: string): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;
  let last = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    if (match.index > last) out.push(text.slice(last, match.index));
    if (match[1]) {
      out.push(<span class={match[2] ? "key" : "string"}>{match[1]}</span>);
      if (match[2]) out.push(match[2]);
    } else {
      out.push(<span class="literal">{match[0]}</span>);
    }
    last = pattern.lastIndex;
  }
  out.push(text.slice(last));
  return out;
}
