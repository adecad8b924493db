"""Fails on an include that runs against the direction of the rooms in src/.

    app -> api, kafka, dashboard, cli -> cluster, notices -> intake, delivery -> directory
        -> config -> store (its interface), net, signing, filter, schema -> metrics -> domain, logging -> base

Rooms of one level do not include each other, but for the exceptions below. The backends under
store/ are named by app alone.

Usage: check_includes.py SRC            judge the tree
       check_includes.py --self-test    show that violations are caught
"""

import pathlib
import re
import sys
import tempfile

LEVELS = [
    ["base"],
    ["domain", "logging"],
    ["metrics", "apidocs"],
    ["store", "net", "signing", "filter", "schema"],
    ["config"],
    ["directory", "bench", "move"],
    ["intake", "delivery"],
    ["cluster", "notices"],
    ["api", "kafka", "dashboard", "cli"],
    ["app"],
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
BACKENDS = {"store/sqlite", "store/postgres"}
# Within one level: the room that includes -> the only headers it may take from the other.
SIBLING_HEADERS = {
    "intake": {"delivery/dispatcher.h"},
    # One set of rules for what may be published, whichever door it comes through.
    "kafka": {"api/publish_input.h"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def room_of(path: str) -> str:
    """The room of a path below src/: its first folder, or the backend's two."""
    parts = path.split("/")
    two = "/".join(parts[:2])
    return two if two in BACKENDS else parts[0]


def judge(including: str, header: str) -> str | None:
    """Why `including` (a path below src/) may not include `header`, or None."""
    source, target = room_of(including), room_of(header)
    if "/" not in header:
        return "names no room: write the path from src/"
    if source == target:
        return None
    if target in BACKENDS:
        return None if source == "app" else f"only app may name {target}"
    if target == "store" and source in BACKENDS:
        return None
    source_room, target_room = source.split("/")[0], target.split("/")[0]
    for room in (source_room, target_room):
        if room not in LEVEL:
            return f"{room} is not a room that this check knows"
    if LEVEL[target_room] < LEVEL[source_room]:
        return None
    if LEVEL[target_room] == LEVEL[source_room]:
        if header in SIBLING_HEADERS.get(source_room, set()):
            return None
        return f"{source_room} and {target_room} are siblings"
    return f"{target_room} stands above {source_room}"


def violations(src: pathlib.Path) -> list[str]:
    found = []
    for path in sorted(src.rglob("*")):
        if path.suffix not in {".h", ".cpp"}:
            continue
        name = path.relative_to(src).as_posix()
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            reason = judge(name, match.group(1))
            if reason:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f'src/{name}:{line}: "{match.group(1)}": {reason}')
    return found


SELF_TEST = [
    # (file, included header, caught?)
    ("base/time.h", "domain/event.h", True),
    ("domain/event.h", "base/time.h", False),
    ("domain/event.h", "logging/log.h", True),
    ("metrics/metrics.h", "domain/delivery.h", False),
    ("net/loop.h", "store/store.h", True),
    ("signing/signer.h", "net/url.h", True),
    ("net/loop.h", "config/config.h", True),
    ("config/load.cpp", "net/address_guard.h", False),
    ("directory/directory.h", "store/store.h", False),
    ("directory/directory.h", "delivery/dispatcher.h", True),
    ("delivery/lanes.cpp", "intake/intake.h", True),
    ("notices/operator_events.h", "delivery/notices.h", False),
    ("delivery/courier.h", "notices/operator_events.h", True),
    ("intake/intake.cpp", "delivery/dispatcher.h", False),
    ("intake/intake.cpp", "delivery/lanes.h", True),
    ("kafka/record.cpp", "api/publish_input.h", False),
    ("kafka/record.cpp", "api/api.h", True),
    ("api/events.cpp", "kafka/source.h", True),
    ("api/router.cpp", "config/config.h", False),
    ("api/router.cpp", "cli/cli.h", True),
    ("api/router.cpp", "store/sqlite/sqlite_store.h", True),
    ("store/store.h", "store/sqlite/sqlite_store.h", True),
    ("store/sqlite/sqlite_store.cpp", "store/store.h", False),
    ("store/sqlite/sqlite_store.cpp", "store/postgres/store.h", True),
    ("store/sqlite/sqlite_store.cpp", "directory/directory.h", True),
    ("app/main.cpp", "store/sqlite/sqlite_store.h", False),
    ("app/main.cpp", "api/router.h", False),
    ("api/router.cpp", "router.h", True),
    ("attic/old.cpp", "base/time.h", True),
]


def self_test() -> int:
    wrong = 0
    for file, header, caught in SELF_TEST:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file
            path.parent.mkdir(parents=True)
            path.write_text(f'// A comment.\n#include <string>\n#include "{header}"\n')
            if bool(violations(pathlib.Path(folder))) != caught:
                print(f"{file} including {header}: expected {'a violation' if caught else 'none'}")
                wrong += 1
    print(f"{len(SELF_TEST) - wrong} of {len(SELF_TEST)} cases as expected")
    return 1 if wrong else 0


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    src = pathlib.Path(arguments[0])
    found = violations(src)
    for line in found:
        print(line)
    files = sum(1 for path in src.rglob("*") if path.suffix in {".h", ".cpp"})
    if files == 0:
        print(f"{src} holds no sources", file=sys.stderr)
        return 2
    print(f"{files} files, {len(found)} includes against the direction")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
