#!/usr/bin/env python3
"""Writes the manual page and the shells' completions from what the binary says of itself, so that they
cannot tell anything else. Standard library only.

  make_cli_pages.py BINARY            writes man/ and completions/
  make_cli_pages.py BINARY --check    fails where they are not what would be written
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILE_PLACEHOLDERS = {"FILE", "@FILE", "JSON|@FILE", "TEXT|@FILE"}
HEADINGS = re.compile(r"^([A-Z][A-Za-z ]+):$")


class Command:
    """One command, as its --help describes it; `summary` is its line in the list of commands."""

    def __init__(self, binary, path, summary=""):
        self.path = path
        self.summary = summary
        text = subprocess.run([binary, *path, "--help"], capture_output=True, text=True, check=True).stdout
        about, rest = text.split("Usage: ", 1)
        self.about = " ".join(about.split())
        self.usage, _, rest = rest.partition("\n")
        self.options, self.subcommands, self.positionals, self.footer = [], [], [], []
        section = None
        for line in rest.splitlines():
            heading = HEADINGS.match(line)
            if section == "footer" or (line and not line.startswith(" ") and not heading) \
                    or line in ("Examples:", "Example:", "Begin here:"):
                section = "footer"
                self.footer.append(line)
            elif heading:
                section = heading.group(1)
            elif line.strip():
                self.take(section, line)
        self.subcommands = [Command(binary, [*path, name], text) for name, text in self.subcommands]

    def take(self, section, line):
        items = {"Subcommands": self.subcommands, "Positionals": self.positionals}.get(section, self.options)
        if line.startswith("   "):  # goes on
            name, text = items[-1]
            items[-1] = (name, f"{text} {line.strip()}".strip())
            return
        name, _, text = line.strip().partition("  ")
        items.append((name.strip(), text.strip()))

    @property
    def name(self):
        return self.path[-1] if self.path else "skyhook"

    def walk(self):
        yield self
        for command in self.subcommands:
            yield from command.walk()

    def flags(self):
        """(flag, placeholder, help) of every option."""
        for name, text in self.options:
            flags, _, placeholder = name.partition(" ")
            for flag in flags.split(","):
                yield flag, placeholder.removesuffix(" ..."), text


def events_of(binary):
    """The catalogue: the samples, each under its event's name."""
    text = subprocess.run([binary, "trigger", "--list"], capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


def roff(text):
    escaped = text.replace("\\", "\\\\").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + escaped if escaped.startswith((".", "\\(aq")) else escaped


def as_it_stands(lines):
    return [".PP", ".nf", *(roff(line) if line else "\\&" for line in lines), ".fi"] if lines else []


def manual(root, version):
    out = [f'.TH SKYHOOK 1 "" "Skyhook {version}" "User Commands"', ".SH NAME",
           "skyhook \\- self\\-hosted webhook delivery", ".SH SYNOPSIS", ".B skyhook", ".I COMMAND",
           "[\\fIOPTIONS\\fR]", ".SH DESCRIPTION", roff(root.about), *as_it_stands(root.footer), ".SH COMMANDS"]
    for command in root.walk():
        if not command.path or command.subcommands:
            continue
        out += [".SS " + roff("skyhook " + " ".join(command.path)), roff(command.about)]
        for name, text in command.positionals + command.options:
            if "--help" in name:
                continue
            flags, _, placeholder = name.partition(" ")
            out += [".TP", f"\\fB{roff(flags)}\\fR" + (f" \\fI{roff(placeholder)}\\fR" if placeholder else ""),
                    roff(text)]
        out += as_it_stands(command.footer)
    out += [".SH ENVIRONMENT",
            roff("Brackets after an option hold its default and the variable that sets it too. A flag wins over the "
                 "variable, the variable over the configuration file. The secrets of serve may also be read from files: "
                 "SKYHOOK_MASTER_KEY_FILE names a file that holds the key."),
            ".SH FILES",
            ".TP", "\\fI/etc/skyhook/skyhook.toml\\fR", "settings of the packaged service",
            ".TP", "\\fI/etc/skyhook/skyhook.env\\fR", "its SKYHOOK_... variables, such as those that name files of secrets",
            ".TP", "\\fI/var/lib/skyhook\\fR", "its data: the embedded store and the operator token",
            ".SH EXIT STATUS",
            ".TP", "0", "success",
            ".TP", "1", "the command failed",
            ".TP", "2", "a wrong flag or setting; nothing was opened",
            ".SH SEE ALSO", "The guides in \\fI/usr/share/doc/skyhook/docs\\fR, and a running server's pages at \\fI/docs\\fR."]
    return "\n".join(out) + "\n"


def is_file(placeholder):
    return placeholder in FILE_PLACEHOLDERS


def choices(placeholder):
    parts = placeholder.split("|")
    return parts if len(parts) > 1 and all(re.fullmatch(r"[a-z]+", part) for part in parts) else []


def bash(root, events):
    cases = []
    for command in root.walk():
        words = [flag for flag, _, _ in command.flags()] + [one.name for one in command.subcommands]
        if command.name == "trigger":
            words += events
        key = " ".join(command.path)
        cases.append(f'    "{key}") words="{" ".join(words)}" ;;')
    values = sorted({(flag, tuple(choices(placeholder)), placeholder)
                     for command in root.walk() for flag, placeholder, _ in command.flags()})
    lines = ["# bash completion for skyhook, made by packaging/make_cli_pages.py", "_skyhook() {",
             '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path="" word words=""',
             "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do",
             f'    case "$path:$word" in',
             *(f'      "{" ".join(one.path[:-1])}:{one.name}") path="{" ".join(one.path)}" ;;'
               for one in root.walk() if one.path),
             "    esac", "  done", '  case "$previous" in']
    for flag, options, placeholder in values:
        if options:
            lines.append(f'    {flag}) COMPREPLY=($(compgen -W "{" ".join(options)}" -- "$current")); return ;;')
    files = sorted({flag for flag, _, placeholder in values if is_file(placeholder)})
    folders = sorted({flag for flag, _, placeholder in values if placeholder == "DIR"})
    lines.append(f'    {"|".join(files)}) COMPREPLY=($(compgen -f -- "$current")); return ;;')
    lines.append(f'    {"|".join(folders)}) COMPREPLY=($(compgen -d -- "$current")); return ;;')
    lines.append(f'    --event) COMPREPLY=($(compgen -W "{" ".join(events)}" -- "$current")); return ;;')
    lines += ["  esac", '  case "$path" in', *cases, "  esac",
              '  COMPREPLY=($(compgen -W "$words" -- "$current"))', "}", "complete -F _skyhook skyhook"]
    return "\n".join(lines) + "\n"


def zsh_text(text):
    return re.sub(r"([\[\]:'\\\"`$])", r"\\\1", text).replace("\\'", "'\\''")


def zsh_arguments(command, events):
    specs = []
    for flag, placeholder, text in command.flags():
        spec = f"{flag}[{zsh_text(text)}]"
        if placeholder:
            values = choices(placeholder)
            action = f"({' '.join(values)})" if values else "_files" if is_file(placeholder) \
                else "_files -/" if placeholder == "DIR" else f"({' '.join(events)})" if flag == "--event" else ""
            spec += f":{zsh_text(placeholder)}:{action}"
        specs.append(f"'{spec}'")
    if command.name == "trigger":
        specs.append(f"'1:event:({' '.join(events)})'")
    return specs


def zsh(root, events):
    out = ["#compdef skyhook", "# made by packaging/make_cli_pages.py", ""]
    for command in root.walk():
        function = "_".join(["_skyhook", *command.path])
        out.append(f"{function}() {{")
        if command.subcommands:
            out += ["  local -a commands", "  commands=("]
            out += [f"    '{one.name}:{zsh_text(one.summary)}'" for one in command.subcommands]
            out += ["  )", "  local state line", "  _arguments -C \\",
                    *(f"    {spec} \\" for spec in zsh_arguments(command, events)),
                    "    '1:command:->command' '*::argument:->argument'", "  case $state in",
                    "    command) _describe command commands ;;", "    argument)", "      case $line[1] in"]
            out += [f"        {one.name}) {function}_{one.name} ;;" for one in command.subcommands]
            out += ["      esac ;;", "  esac"]
        else:
            out += ["  _arguments \\", *(f"    {spec} \\" for spec in zsh_arguments(command, events)), "    && return"]
        out += ["}", ""]
    out.append('_skyhook "$@"')
    return "\n".join(out) + "\n"


def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(root, events):
    out = ["# fish completion for skyhook, made by packaging/make_cli_pages.py", "complete -c skyhook -f"]
    for command in root.walk():
        children = " ".join(one.name for one in command.subcommands)
        condition = f"__fish_seen_subcommand_from {command.name}" if command.path else "__fish_use_subcommand"
        if command.path and command.subcommands:
            condition += f"; and not __fish_seen_subcommand_from {children}"
        for one in command.subcommands:
            out.append(f"complete -c skyhook -n {fish_text(condition)} -a {one.name} -d {fish_text(one.summary)}")
        for flag, placeholder, text in command.flags():
            if not flag.startswith("--"):
                continue
            line = f"complete -c skyhook -n {fish_text(condition)} -l {flag[2:]} -d {fish_text(text)}"
            if placeholder:
                line += " -r" if is_file(placeholder) or placeholder == "DIR" else " -x"
                values = choices(placeholder) or (events if flag == "--event" else [])
                if values:
                    line += f" -a {fish_text(' '.join(values))}"
                if is_file(placeholder) or placeholder == "DIR":
                    line += " -F"
            out.append(line)
        if command.name == "trigger":
            out.append(f"complete -c skyhook -n {fish_text(condition)} -a {fish_text(' '.join(events))}")
    return "\n".join(out) + "\n"


def main(arguments):
    if not arguments or len(arguments) > 2:
        sys.exit(__doc__)
    binary = arguments[0]
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    root = Command(binary, [])
    events = events_of(binary)
    pages = {"man/skyhook.1": manual(root, version), "completions/skyhook.bash": bash(root, events),
             "completions/_skyhook": zsh(root, events), "completions/skyhook.fish": fish(root, events)}
    stale = []
    for name, text in pages.items():
        path = ROOT / name
        if arguments[1:] == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"not what the binary says: {', '.join(stale)}; run packaging/make_cli_pages.py BINARY")


if __name__ == "__main__":
    main(sys.argv[1:])
