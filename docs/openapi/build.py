#!/usr/bin/env python3
"""Turns openapi.json, the one source, into what the binary serves. Standard library only.

  build.py format                 writes openapi.json anew in its house format
  build.py embed VERSION OUTPUT   writes the C++ source with the document and the page at /docs
  build.py page OUTPUT            writes the page alone, to look at it

The page is plain HTML without scripts and without anything from elsewhere; its one style sheet is
inline, and its hash goes into the Content-Security-Policy.
"""

import base64
import hashlib
import html
import json
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).with_name("openapi.json")
STYLE = pathlib.Path(__file__).with_name("docs.css")
WIDTH = 110
METHODS = ("get", "post", "put", "delete")


def compact(value, indent=0):
    """JSON with everything that fits on one line there."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {compact(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(pad + item for item in items) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + compact(item, indent + 1) for item in value) + "\n" + " " * indent + "]"


class Page:
    """Renders the document as one HTML page."""

    def __init__(self, document):
        self.document = document
        self.out = []

    def resolve(self, value):
        while "$ref" in value:
            target = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            value = {**target, **{key: item for key, item in value.items() if key != "$ref"}}
        return value

    def add(self, text):
        self.out.append(text)

    @staticmethod
    def prose(text):
        """Escaped text with `code` and paragraphs."""
        marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
        return "".join(f"<p>{part}</p>" for part in marked.split("\n\n"))

    @staticmethod
    def words(text):
        return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))

    def type_of(self, schema):
        """A type in words, with a link where it is a named object."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if "properties" in self.resolve(schema):
                return f'<a href="#schema-{name}">{name}</a>'
            return self.type_of(self.resolve(schema))
        if "anyOf" in schema:
            return " or ".join(self.type_of(option) for option in schema["anyOf"])
        if schema.get("enum") == ["", None]:
            return "empty"
        kind = schema.get("type", "")
        kinds = kind if isinstance(kind, list) else [kind]
        if "array" in kinds:
            return "list of " + self.type_of(schema.get("items", {})) + (" or null" if "null" in kinds else "")
        if not kind and "enum" in schema:
            return "boolean"
        if not kind and "const" in schema:
            return html.escape(json.dumps(schema["const"], ensure_ascii=False))
        return html.escape(" or ".join(kinds) or "any")

    def limits_of(self, schema):
        schema = self.resolve(schema)
        items = self.resolve(schema.get("items", {}))
        parts = []
        for low, high, unit in (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "items"),
                                ("minimum", "maximum", "")):
            least, most = schema.get(low), schema.get(high)
            if most is not None and most >= 2**53:
                most = None
            if least is not None and most is not None:
                parts.append(f"{least:,} … {most:,} {unit}".strip())
            elif most is not None:
                parts.append(f"at most {most:,} {unit}".strip())
            elif least:
                parts.append(f"at least {least:,} {unit}".strip())
        if "format" in schema:
            parts.append(schema["format"])
        if "default" in schema:
            parts.append(f"default {json.dumps(schema['default'])}")
        for source in (schema, items):
            if "enum" in source and source.get("type"):
                parts.append("one of " + ", ".join(f"<code>{html.escape(str(v))}</code>" for v in source["enum"] if v is not None))
        return " · ".join(parts)

    def fields(self, schema):
        schema = self.resolve(schema)
        required = schema.get("required", [])
        self.add('<div class="scroll" tabindex=0><table><thead><tr><th>Field</th><th>Type</th><th>What it is</th></tr></thead><tbody>')
        for name, field in schema.get("properties", {}).items():
            self.row(name, field, name in required, self.resolve(field).get("description", ""))
        self.add("</tbody></table></div>")

    def row(self, name, schema, required, description):
        limits = self.limits_of(schema)
        mark = ' <span class="required">required</span>' if required else ""
        self.add(f"<tr><td><code>{html.escape(name)}</code>{mark}</td><td>{self.type_of(schema)}</td>"
                 f"<td>{self.words(description)}{f'<div class=limits>{limits}</div>' if limits else ''}</td></tr>")

    def parameters(self, operation):
        parameters = [self.resolve(one) for one in operation.get("parameters", [])]
        if not parameters:
            return
        self.add('<h4>Parameters</h4><div class="scroll" tabindex=0><table><thead><tr><th>Name</th><th>Type</th>'
                 "<th>What it is</th></tr></thead><tbody>")
        for one in parameters:
            self.row(one["name"], one["schema"], one.get("required", False), f"{one.get('description', '')} ({one['in']})")
        self.add("</tbody></table></div>")

    def example(self, content):
        if "example" in content:
            text = json.dumps(content["example"], indent=2, ensure_ascii=False)
            self.add(f"<pre tabindex=0>{html.escape(text, quote=False)}</pre>")

    def body(self, operation):
        if "requestBody" not in operation:
            return
        content = operation["requestBody"]["content"]["application/json"]
        schema = self.resolve(content["schema"])
        limit = operation["requestBody"].get("x-limit-bytes", 0) // 1024  # none where Skyhook sends it
        size = f"{limit // 1024} MiB" if limit >= 1024 else f"{limit} KiB"
        self.add(f"<h4>Body{f' <small>at most {size}</small>' if limit else ''}</h4>{self.prose(schema['description']) if 'description' in schema else ''}")
        self.fields(content["schema"])
        self.example(content)

    def answers(self, operation):
        self.add("<h4>Answers</h4><ul class=answers>")
        errors = {}
        for status, answer in operation["responses"].items():
            answer = self.resolve(answer)
            if not status.startswith("2"):
                errors[status] = answer
                continue
            self.add(f"<li><span class='status good'>{status}</span> {self.words(answer['description'])}")
            for content in answer.get("content", {}).values():
                data = content["schema"].get("properties", {}).get("data")
                if data:
                    self.add(f" <span class=limits>data: {self.type_of(data)}</span>")
                self.example(content)
            self.add("</li>")
        self.add("</ul>")
        if not errors:
            return
        statuses = " ".join(f"<span class='status bad'>{status}</span>" for status in errors)
        self.add(f"<details><summary>Errors {statuses}</summary><ul class=answers>")
        for status, answer in errors.items():
            self.add(f"<li><span class='status bad'>{status}</span> {self.words(answer['description'])}</li>")
        self.add("</ul></details>")

    def operation(self, method, path, operation):
        names = {"accountKey": "account's key", "operatorToken": "operator's token"}
        needs = [names[name] for option in operation.get("security", []) for name in option if name in names]
        self.add(f'<article id="{operation["operationId"]}"><h3><span class="method {method}">{method.upper()}</span> '
                 f"<code>{html.escape(path)}</code></h3><p class=summary>{self.words(operation['summary'])}"
                 f"{f' <span class=needs>{needs[0]}</span>' if needs else ''}</p>{self.prose(operation['description'])}")
        self.parameters(operation)
        self.body(operation)
        self.answers(operation)
        self.add("</article>")

    def operations(self, tag):
        places = list(self.document["paths"].items()) + [("your URL", item) for item in self.document["webhooks"].values()]
        return [(method, path, item[method]) for path, item in places for method in METHODS
                if method in item and tag in item[method]["tags"]]

    def render(self, style):
        info = self.document["info"]
        self.add('<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
                 f'content="width=device-width, initial-scale=1"><title>{html.escape(info["title"])} API</title>'
                 f"<style>{style}</style></head><body><nav aria-label=Contents><p class=brand>{html.escape(info['title'])} API</p>")
        for tag in self.document["tags"]:
            self.add(f"<h2>{html.escape(tag['name'])}</h2><ul>")
            for method, _, operation in self.operations(tag["name"]):
                self.add(f'<li><a href="#{operation["operationId"]}"><span class="method {method}">{method.upper()}</span> '
                         f"{html.escape(operation['summary'])}</a></li>")
            self.add("</ul>")
        self.add(f"</nav><main><h1>{html.escape(info['title'])} API <small>{html.escape(info['version'])}</small></h1>"
                 f"<p class=summary>{self.words(info['summary'])}</p>{self.prose(info['description'])}"
                 '<p>The same as a machine reads it: <a href="openapi.json">openapi.json</a>.</p>')
        for tag in self.document["tags"]:
            self.add(f"<section><h2>{html.escape(tag['name'])}</h2>{self.prose(tag['description'])}")
            for method, path, operation in self.operations(tag["name"]):
                self.operation(method, path, operation)
            self.add("</section>")
        self.add("<section><h2>Objects</h2>")
        for name, schema in self.document["components"]["schemas"].items():
            if "properties" in schema:
                self.add(f'<article id="schema-{name}"><h3>{name}</h3>'
                         f"{self.prose(schema['description']) if 'description' in schema else ''}")
                self.fields(schema)
                self.add("</article>")
        self.add("</section></main></body></html>\n")
        return "".join(self.out)


def pieces(text):
    """A C++ string as adjacent raw literals; compilers limit the length of one."""
    data = text.encode()
    lines, at = [], 0
    while at < len(data):
        end = min(at + 8000, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        lines.append('R"~~~(' + data[at:end].decode() + ')~~~"')
        at = end
    return "\n    ".join(lines)


def style_and_policy():
    style = re.sub(r"\s+", " ", STYLE.read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def main(arguments):
    document = json.loads(SOURCE.read_text(encoding="utf-8"))
    if arguments == ["format"]:
        SOURCE.write_text(compact(document) + "\n", encoding="utf-8")
    elif len(arguments) == 2 and arguments[0] == "page":
        pathlib.Path(arguments[1]).write_text(Page(document).render(style_and_policy()[0]), encoding="utf-8")
    elif len(arguments) == 3 and arguments[0] == "embed":
        document["info"]["version"] = arguments[1]
        style, policy = style_and_policy()
        document["components"]["schemas"]["EventName"]["enum"] = ["@CATALOGUE@"]
        before, after = json.dumps(document, ensure_ascii=False, separators=(",", ":")).split('"@CATALOGUE@"')
        document["components"]["schemas"]["EventName"].pop("enum")
        page = Page(document).render(style)
        pathlib.Path(arguments[2]).write_text(
            "// Made from docs/openapi/openapi.json by docs/openapi/build.py.\n"
            '#include "apidocs/embedded.h"\n\nnamespace skyhook::apidocs {\n\n'
            f"const std::string_view kDocumentBeforeCatalogue =\n    {pieces(before)};\n"
            f"const std::string_view kDocumentAfterCatalogue =\n    {pieces(after)};\n"
            f"const std::string_view kPage =\n    {pieces(page)};\n"
            f"const std::string_view kPagePolicy =\n    {pieces(policy)};\n\n"
            "}  // namespace skyhook::apidocs\n", encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
