#!/usr/bin/env python3
"""How long the operator's chart takes over many webhooks that were busy every minute of a month.

    bench/long_chart.py [--store postgres] [--webhooks 100] [--skyhook PROGRAM]

Writes the counts of 30 days straight into a store of its own, as folding leaves them, and asks over HTTP. In PostgreSQL, where single minutes
take two gigabytes, only the last two days have them; what is asked for over longer spans does not read any.
"""

import argparse
import os
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import time

ROUNDS = 15
DAYS = 30
SPANS = {"sqlite": (30, 240), "postgres": (30, 240, 720)}  # minutes: as each store keeps them
BUCKETS = range(60, 72)  # of durations: some 5 to 25 ms
RANGES = {"24 h in steps of 30 min": (86_400, 1_800), "24 h as one step": (86_400, 86_400), "7 d in steps of 4 h": (7 * 86_400, 14_400),
          "30 d in steps of 12 h": (30 * 86_400, 43_200), "30 d as one step": (30 * 86_400, 30 * 86_400)}


def fill_sqlite(server, webhooks, first, end):
    histogram = bytes(byte for bucket in BUCKETS for byte in (bucket, 2))
    with sqlite3.connect(server.store.directory / "skyhook.db") as database:
        for webhook in webhooks:
            database.executemany("INSERT INTO rollups VALUES (?, ?, 24, 2, 1, ?)", ((webhook, minute, histogram) for minute in range(first, end)))
            for length in SPANS["sqlite"]:
                # 60 or 480 attempts a bucket: seven bits a byte, the lower first.
                count = [2 * length] if length < 64 else [0x80 | (2 * length) & 0x7F, (2 * length) >> 7]
                histogram_of_span = bytes(byte for bucket in BUCKETS for byte in (bucket, *count))
                database.executemany("INSERT INTO span_rollups VALUES (?, ?, ?, ?, ?, ?, ?)",
                                     ((webhook, length, minute, 24 * length, 2 * length, length, histogram_of_span)
                                      for minute in range(first, end, length)))


def fill_postgres(server, account, first, end):
    late = end - 2 * 1440
    buckets = "generate_series({0.start}, {0.stop} - 1) AS bucket".format(BUCKETS)
    of = f"FROM skyhook.webhooks WHERE account_id = {account}"
    for day in range(first // 1440, end // 1440 + 1):
        server.store.sql(f"SELECT skyhook.make_day({day})")
    for statement in (
            f"INSERT INTO skyhook.rollups SELECT account_id, webhook_id, m, 24, 2, 1 {of.replace(' WHERE', f', generate_series({late}, {end - 1}) m WHERE')}",
            "INSERT INTO skyhook.rollup_durations SELECT account_id, webhook_id, m, bucket, 2 "
            f"{of.replace(' WHERE', f', generate_series({late}, {end - 1}) m, {buckets} WHERE')}",
            *(f"INSERT INTO skyhook.span_rollups SELECT account_id, webhook_id, {length}, m, 24 * {length}, 2 * {length}, {length}, "
              f"(SELECT array_agg(bucket) FROM {buckets}), (SELECT array_agg(2 * {length}) FROM {buckets}) "
              f"{of.replace(' WHERE', f', generate_series({first}, {end - 1}, {length}) m WHERE')}" for length in SPANS["postgres"]),
            "VACUUM ANALYZE"):
        server.store.sql(statement)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--webhooks", type=int, default=100)
    parser.add_argument("--skyhook", default="build/skyhook")
    options = parser.parse_args()
    os.environ["SKYHOOK_BINARY"] = os.path.abspath(options.skyhook)
    os.environ["SKYHOOK_TEST_STORE"] = options.store
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "contract"))
    from harness.server import LOCAL, Skyhook

    end = int(time.time()) // 60 // 720 * 720 + 720
    first = end - DAYS * 1440
    with tempfile.TemporaryDirectory() as directory:
        server = Skyhook(pathlib.Path(directory), [*LOCAL, "--rate-limit", "0"]).start()
        try:
            account = server.account()
            webhooks = [account.webhook("https://e.example/")["id"] for _ in range(options.webhooks)]
            if options.store == "sqlite":
                server.stop()
                fill_sqlite(server, webhooks, first, end)
                server.start()
            else:
                fill_postgres(server, account.id, first, end)
            print(f"{options.webhooks} webhooks busy every minute of {DAYS} days, {options.store}: ms, median of {ROUNDS}")
            for name, (length, step) in RANGES.items():
                took = []
                for _ in range(ROUNDS):
                    started = time.monotonic()
                    answer = server.operator("GET", f"/stats/history?from={moment(end * 60 - length)}&to={moment(end * 60)}&step={step}")
                    took.append((time.monotonic() - started) * 1e3)
                assert sum(one["delivered"] for one in answer.data) >= 24 * options.webhooks * length // 60
                print(f"{name:28}{statistics.median(took):8.1f}")
        finally:
            server.close()


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


if __name__ == "__main__":
    main()
