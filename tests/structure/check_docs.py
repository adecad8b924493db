"""Fails where a document names what is not there: a link's file or heading, a file of the tree, a target of make, a variable, a
metric, a test; where it gives a setting (`rate_limit`: 120) another default than docs/settings.md, which the settings write; and on a
page that no other page leads to.

Usage: check_docs.py ROOT           judge the tree
       check_docs.py --self-test    show that such names are caught
"""

import pathlib
import re
import sys
import tempfile

ROOMS = "src|tests|docs|bench|deploy|examples|scripts|packaging|cmake|web|completions|man"
SOURCES = {".cpp", ".h", ".py", ".sh", ".txt", ".toml", ".yaml", ".json", ".service"}

LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
TREE_PATH = re.compile(rf"(?:{ROOMS})/[\w./-]+")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
DEFAULT = re.compile(r"`([a-z_]+)`: ([\d,]+)")
SETTING = re.compile(r"^\| `--[^|]*\| [^|]*\| `([a-z_]+)` \| `(\d+)[a-z]*` \|", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links, as code hosts make it."""
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(CODE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def pages(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("bench/*.md")])


def sources(root: pathlib.Path) -> str:
    """Everything that a name may stand for, in one text."""
    files = [path for room in ("src", "tests", "bench", "scripts", "packaging", "deploy")
             for path in (root / room).rglob("*") if path.suffix in SOURCES and path.is_file()]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def judge_links(root: pathlib.Path, page: pathlib.Path, text: str) -> list[str]:
    wrong = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link}: there is no such file")
        elif heading and target.suffix == ".md" and heading not in anchors(target.read_text(encoding="utf-8")):
            wrong.append(f"{link}: there is no such heading")
    for quoted in QUOTED.findall(text):
        for word in quoted.split():
            if TREE_PATH.fullmatch(word) and not (root / word).exists():
                wrong.append(f"{word}: there is no such file")
    return wrong


def judge_names(root: pathlib.Path, text: str, known: str) -> list[str]:
    targets = set(TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))
    wrong = [f"make {name}: there is no such target"
             for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE) if name not in targets]
    for variable in re.findall(r"SKYHOOK_[A-Z0-9_]+", text):
        # Settings' variables are made from their names; a secret's may be given as a file.
        setting = variable.removeprefix("SKYHOOK_").lower()
        if not any(name in known for name in (variable, f'"{setting}"', f'"{setting.removesuffix("_file")}"')):
            wrong.append(f"{variable}: no program knows it")
    for name in re.findall(r"\b(?:skyhook_[a-z_]+[a-z]|test_[a-z0-9_]+[a-z0-9])\b", text):
        if name not in known and not list(root.glob(f"tests/**/{name}.py")):
            wrong.append(f"{name}: nothing has that name")
    return wrong


def judge_defaults(text: str, defaults: dict[str, str]) -> list[str]:
    return [f"{name}: {value}: the default is {defaults[name]}" for name, value in DEFAULT.findall(text)
            if defaults.get(name, value) != value.replace(",", "")]


def violations(root: pathlib.Path) -> list[str]:
    known, found, linked = sources(root), [], set()
    defaults = dict(SETTING.findall((root / "docs/settings.md").read_text(encoding="utf-8")))
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root).as_posix()
        found += [f"{name}: {problem}" for problem in
                  judge_links(root, page, text) + judge_names(root, text, known) + judge_defaults(text, defaults)]
        linked |= {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(text)}
    for page in pages(root):
        leads = {page.resolve(), page.parent.resolve()} & linked
        if page.name != "README.md" and not leads:
            found.append(f"{page.relative_to(root).as_posix()}: no page leads here")
    return found


SELF_TEST = [
    # (page, caught?)
    ("[a](docs/there.md#a-heading), `tests/test_it.py`, `make build`", False),
    ("[a](docs/gone.md)", True),
    ("[a](docs/there.md#another)", True),
    ("`src/gone.cpp`", True),
    ("`make nothing`", True),
    ("```\nmake nothing\n```", True),
    ("`SKYHOOK_LISTEN`, `SKYHOOK_LISTEN_FILE`", False),
    ("`SKYHOOK_LISTENS`", True),
    ("`skyhook_events_total`", False),
    ("`skyhook_event_total`", True),
    ("`test_it.py`, `test_that_it_holds`", False),
    ("`test_that_it_does_not`", True),
    ("`rate_limit`: 1,200, `timeout`: 30 s, `else`: 7", False),
    ("`rate_limit`: 1,000", True),
    ("`timeout`: 3 s", True),
]


def self_test() -> int:
    wrong = 0
    for text, caught in SELF_TEST:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in {
                "README.md": f"{text}\n[it](docs/there.md) [settings](docs/settings.md)\n",
                "docs/settings.md": "| `--rate-limit N` | `X` | `rate_limit` | `1200` | | requests |\n"
                                    "| `--timeout D` | `X` | `timeout` | `30s` | | for one |\n",
                "docs/there.md": "# A heading\n",
                "Makefile": "build:\n",
                "src/settings.cpp": 'make("listen"); "skyhook_events_total"',
                "tests/test_it.py": "def test_that_it_holds(): ...",
            }.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            if bool(violations(root)) != caught:
                print(f"{text!r}: expected {'a violation' if caught else 'none'}")
                wrong += 1
    print(f"{len(SELF_TEST) - wrong} of {len(SELF_TEST)} cases as expected")
    return 1 if wrong else 0


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    found = violations(root)
    for line in found:
        print(line)
    print(f"{len(pages(root))} pages, {len(found)} names of what is not there")
    return 1 if found or not pages(root) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
