// Code that verifies a delivery, in several languages and both dialects. Loaded when it is first shown.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Code } from "../../ui/code";
import { Segments, type Option } from "../../ui/field";
import { Bone } from "../../ui/states";
import type { Dialect, Language, Snippet } from "./snippets";

const kLanguages: Option<Language>[] = [
  { value: "js", label: "Node.js" }, { value: "py", label: "Python" }, { value: "php", label: "PHP" }, { value: "go", label: "Go" }, { value: "cpp", label: "C++" },
];

export function Verification({ headerPrefix }: { headerPrefix: string }): JSX.Element {
  const [language, setLanguage] = useState<Language>("js");
  const [dialect, setDialect] = useState<Dialect>("standard");
  const [make, setMake] = useState<{ of: (language: Language, dialect: Dialect, prefix: string) => Snippet } | null>(null);
  useEffect(() => void import("./snippets").then((module) => setMake({ of: module.snippet })), []);
  const shown = make?.of(language, dialect, headerPrefix);
  return (
    <div class="stack tight">
      <div class="row wrap">
        <Segments label="Language" value={language} options={kLanguages} onChange={setLanguage} />
        <Segments label="Signature" value={dialect} onChange={setDialect}
                  options={[{ value: "standard", label: "Standard Webhooks" }, { value: "vendor", label: `${headerPrefix}Signature` }]} />
      </div>
      <p class="muted small">
        {dialect === "standard"
          ? "Covers the id, the time of the attempt and the body. The published standardwebhooks libraries verify it too."
          : "Covers the body alone. Every delivery carries both signatures; checking one is enough."}
      </p>
      {shown ? (
        <>
          <Code text={shown.call} label="How to call it" title="In your handler, before the body is parsed" />
          <Code text={shown.code} label="Verification code" title={<>Save as <span class="mono">{shown.file}</span></>} />
        </>
      ) : <Bone width="100%" height={420} />}
    </div>
  );
}
