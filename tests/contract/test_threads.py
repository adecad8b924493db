"""docs/threads.md names every thread of a server, on either store."""

import pathlib
import re

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "threads.md"


def documented(shared):
    """Names in the table of threads; of a row of several the name of the first."""
    table = DOCUMENT.read_text().split("## What crosses")[0]
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| ([^|]*)\|", table, re.MULTILINE)
    other_store = "on the embedded store" if shared else "on the shared store"
    return {name for name, how_many in rows if other_store not in how_many}


def test_every_thread_is_in_the_document(server):
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()
    running = {re.sub(r"-\d+$", "-0", (task / "comm").read_text().strip()) for task in tasks}
    shared = "--database-url" in server.store.arguments()
    assert running == documented(shared) - {"kafka"}  # no broker is set here
