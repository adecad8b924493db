#!/usr/bin/env python3
"""What an event costs with one process on its embedded store, one node on PostgreSQL, and two: CPU by process, kernel included.

    bench/shared_store.py [EVENTS] [ROUNDS] [OPTION OF skyhook bench]...

EVENTS a node and round (50000), ROUNDS of each in turn (3), since what else the machine does changes; prints medians. The options say how
events are published: by default one a request, 500 requests at once, to 100 webhooks. PostgreSQL is the tests' own, with
fsync on. Whether two nodes deliver twice as much is a question of cores, which a small machine has not: so it is answered by what each
node spends on an event beside another, against what it spends alone.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "contract"))

from harness.cluster import Cluster  # noqa: E402
from harness.server import BINARY, LOCAL, Skyhook, clean_environment  # noqa: E402
from harness.stores import PostgresServer, SqliteStore  # noqa: E402

PUBLISHING = ["--connections", "500", "--webhooks", "100"]
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(processes, with_ended=()):
    """Of those that live; of `with_ended` also what their ended children took."""
    ticks = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
        if process in with_ended:
            ticks += int(fields[13]) + int(fields[14])
    return ticks / TICKS


class Setting:
    """Nodes, and the database that they share: nothing where a node has its own."""

    def __init__(self, name, nodes, database=None):
        self.name = name
        self.nodes = nodes
        self.database = database
        self.rounds = []  # (events/s, us of the nodes, us of the database), an event

    def cpu(self):
        nodes = cpu_seconds(str(node.process.pid) for node in self.nodes)
        if self.database is None:
            return nodes, 0.0
        return nodes, cpu_seconds(self.database.processes(), {str(self.database.process_id())})

    def round(self, events, publishing):
        before = self.cpu()
        drivers = [drive(node, events, publishing) for node in self.nodes]
        reports = [report_of(driver) for driver in drivers]
        spent = [now - then for now, then in zip(self.cpu(), before)]
        done = sum(report["received"] for report in reports)
        rate = sum(report["delivered_per_s"] for report in reports)
        return (rate, *(seconds / done * 1e6 for seconds in spent))

    def medians(self):
        return [statistics.median(values) for values in zip(*self.rounds)]


def drive(node, events, publishing):
    return subprocess.Popen(
        [str(BINARY), "bench", "--server", f"http://127.0.0.1:{node.port}", "--operator-token", node.operator_token,
         "--events", str(events), "--no-limit", "--json", *publishing],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(driver):
    output, errors = driver.communicate()
    if driver.returncode != 0:
        sys.exit(f"skyhook bench ended with {driver.returncode}: {errors}")
    return json.loads(output)


def measure(settings, events, rounds, publishing):
    for setting in settings:
        setting.round(max(events // 5, 1000), publishing)  # connections are made, caches fill
    for _ in range(rounds):
        for setting in settings:
            setting.rounds.append(setting.round(events, publishing))


def report(embedded, one, two):
    print(f"{'':24} events/s   node us   PostgreSQL us")
    for setting in (embedded, one, two):
        rate, node, database = setting.medians()
        print(f"{setting.name:24} {rate:8.0f}  {node:8.1f}  {database:14.1f}")
    _, own, _ = embedded.medians()
    _, alone, _ = one.medians()
    _, beside, database = two.medians()
    print(f"a node against the embedded store: {alone / own:.2f}")
    print(f"two nodes against one, by CPU: {2 * alone / beside:.2f}; "
          f"meanwhile PostgreSQL takes {2 * database / beside:.1f} cores for the nodes' two")


def main():
    numbers = [int(word) for word in sys.argv[1:3]]
    events, rounds = (numbers + [50_000, 3][len(numbers):])[:2]
    publishing = sys.argv[3:] or PUBLISHING
    quiet = {"SKYHOOK_LOG": "error", "SKYHOOK_RATE_LIMIT": "0"}
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        # One each: also idle nodes ask their database for something now and then.
        servers = [PostgresServer(fsync="on", buffers="1GB") for _ in range(2)]
        alone, pair = Cluster(place / "one", servers[0]), Cluster(place / "two", servers[1])
        embedded = Skyhook(place / "embedded", LOCAL, quiet, SqliteStore(place))
        try:
            embedded.start()
            settings = [Setting("embedded store", [embedded]),
                        Setting("PostgreSQL, one node", [alone.node()], servers[0]),
                        Setting("PostgreSQL, two nodes", [pair.node(), pair.node()], servers[1])]
            measure(settings, events, rounds, publishing)
            report(*settings)
        finally:
            embedded.close()
            alone.close()
            pair.close()
            for server in servers:
                server.close()


main()
