"""docs/operating.md, "Moving up": from the embedded store to PostgreSQL, with real servers before and after."""

import re
import signal
import subprocess
import time

import pytest
from harness.certificates import Authority
from harness.clock import Clock, build_library
from harness.polling import eventually, remains
from harness.receiver import closed_port, status
from harness.server import BINARY, Account, clean_environment, run
from harness.signatures import assert_signed
from harness.stores import PostgresServer, PostgresStore, SqliteStore

MASTER_KEY = "5f" * 32
WAIT_S = 4  # between attempts
# A source that is so far behind retries after an hour and its tenth at most: not while it runs, and at once where it was moved to.
BEHIND_S = 4000


@pytest.fixture
def embedded(make_server, tmp_path):
    def make(*arguments, **environment):
        return make_server("--rate-limit", "0", *arguments, name="embedded",
                           store=SqliteStore(tmp_path / "embedded"), **environment)

    return make


@pytest.fixture
def shared(make_server, tmp_path):
    """A server on the store that was moved to, with the operator token that the source had."""

    def make(store, source, *arguments, start=True, **environment):
        server = make_server("--rate-limit", "0", *arguments, name="shared", store=store, start=False,
                             **environment)
        server.operator_token = source.operator_token
        server.environment["SKYHOOK_OPERATOR_TOKEN"] = source.operator_token
        return server.start() if start else server

    return make


def data_of(server):
    return server.directory / "data"


def move(server, store, *arguments, **environment):
    return run("move", "--from", data_of(server), "--to", store.url(), *arguments, timeout=120,
               environment=environment)


def counts_of(output):
    """name -> (source, target) of the table that it prints."""
    lines = re.findall(r"^([a-z][a-z -]*?) +([0-9,]+) +([0-9,]+)", output, re.MULTILINE)
    return {name: tuple(int(one.replace(",", "")) for one in pair) for name, *pair in lines}


def pages(account, webhooks):
    """Every body that the account can read of these webhooks."""
    paths = ["/webhooks", "/webhooks/events"]
    for webhook in webhooks:
        log = f"/webhooks/{webhook['id']}/deliveries"
        paths += [f"/webhooks/{webhook['id']}", f"{log}?per_page=100", f"{log}?per_page=2&page=2",
                  f"{log}?status=delivered", f"{log}?status=failed", f"{log}?status=pending"]
        paths += [f"{log}/{entry['delivery_id']}" for entry in account.deliveries(webhook, "?per_page=100")]
    return {path: account.get(path).body for path in paths}


@pytest.fixture
def behind(tmp_path):
    clock = Clock(build_library(tmp_path), tmp_path / "offset")
    clock.set(-BEHIND_S)
    return clock.environment


def test_a_whole_move(embedded, shared, make_receiver, behind, tmp_path):
    source = embedded("--retry-schedule", "1h", SKYHOOK_MASTER_KEY=MASTER_KEY, **behind)
    account = source.account("Moves", allowed_origins=[], first_attempt_target="2s")
    good_receiver, later_receiver = make_receiver(), make_receiver(status(503))
    good = account.webhook(good_receiver.url())
    bad = account.webhook(f"http://127.0.0.1:{closed_port()}/hook", events=["contact.updated"], options={"retry_schedule": ["50ms"]})
    later = account.webhook(later_receiver.url(), events=["contact.deleted"], name="Later ✓",
                            options={"headers": {"X-Key": "very secret"}, "timeout": "40s"})
    full = account.webhook(good_receiver.url(), events=["ticket.*"], name="With all options", options={
        "headers": {"X-Other": "secret too"}, "rate_limit": 12.5, "ordered": True, "filter": {"n": {"$gte": 1}}, "timeout": "50s",
        "retry_schedule": ["1s", "2s"], "ed25519": True, "client_certificate": Authority(tmp_path).client("skyhook")})
    assert account.post(f"/webhooks/{full['id']}/regenerate-secret", {"grace_period": "24h"}).status == 200
    options = account.get(f"/webhooks/{full['id']}?include=options").data
    first_result = account.publish(data={"n": 0}, key="order-1")
    for n in range(1, 6):
        account.publish(data={"n": n, "text": "Grüße \\u0000"})
    for n in range(3):
        account.publish("contact.updated", {"n": n})
    account.settled(good, "delivered", 6)
    account.settled(bad, "failed", 3)
    for n in range(20):
        account.publish("contact.deleted", {"n": n})
    eventually(lambda: all(entry["attempt_number"] == 1
                           for entry in account.deliveries(later, "?per_page=100")), what="20 outcomes")
    tried = len(later_receiver.requests)
    before = pages(account, [good, bad])
    accounts = source.operator("GET", "/accounts").body
    waiting = {entry["delivery_id"] for entry in account.deliveries(later, "?per_page=100")}
    assert source.stop() == 0

    store = PostgresStore(tmp_path)
    moved = move(source, store, SKYHOOK_MASTER_KEY=MASTER_KEY)
    assert moved.returncode == 0, moved
    counts = counts_of(moved.stdout)
    assert counts["deliveries waiting"] == (20, 20)
    assert counts["deliveries delivered"] == (6, 6) and counts["deliveries failed"] == (3, 3)
    assert counts["attempts"] == (32, 32) and counts["webhooks"] == (4, 4)
    assert len(counts) == 10 and all(one == two for one, two in counts.values()), counts

    later_receiver.answer_with(status(200))
    target = shared(store, source, SKYHOOK_MASTER_KEY=MASTER_KEY)
    same = Account(target, account.id, account.key)
    # The old key, and every page byte for byte.
    after = pages(same, [good, bad])
    assert after == before
    assert target.operator("GET", "/accounts").body == accounts
    # What waited arrives, each once, signed with the old secret.
    same.settled(later, "delivered", 20, timeout=30)
    arrived = [request.delivery_id for request in later_receiver.requests[tried:]]
    assert sorted(arrived) == sorted(waiting)
    remains(lambda: len(later_receiver.requests) == tried + 20, 0.5, "each delivery once")
    assert_signed(later_receiver.requests[-1], later["secret"])
    assert later_receiver.requests[-1].header("X-Key") == "very secret"
    # Every option, as it is shown and as it acts.
    assert same.get(f"/webhooks/{full['id']}?include=options").data == options
    delivered = len(good_receiver.requests)
    same.publish("ticket.created", {"n": 0})
    same.publish("ticket.created", {"n": 1})
    request = good_receiver.wait(delivered + 1)[-1]
    assert request.json["data"] == {"n": 1} and request.header("X-Other") == "secret too"
    assert [one.split(",")[0] for one in request.header("webhook-signature").split(" ")] == ["v1", "v1", "v1a"]
    # It goes on: idempotency, new events, new webhooks, what failed.
    assert same.publish(data={"n": 0}, key="order-1") == first_result
    made = same.publish(data={"n": "new"})
    assert made["deliveries"] == 1
    same.settled(good, "delivered", 7)
    assert same.deliveries(good)[0]["id"] > same.deliveries(good)[1]["id"]
    assert same.webhook(good_receiver.url(), name="Next")["id"] > later["id"]
    failed = same.deliveries(bad)[0]
    assert same.post(f"/webhooks/{bad['id']}/deliveries/{failed['delivery_id']}/retry").status == 202

    # The source is done with, until somebody says otherwise.
    source.start(wait=False)
    assert source.process.wait(20) == 1
    assert f"was moved to postgres://{store.url().split('@')[1]}" in source.log()
    assert move(source, store, SKYHOOK_MASTER_KEY=MASTER_KEY).returncode == 0
    elsewhere = move(source, PostgresStore(tmp_path), SKYHOOK_MASTER_KEY=MASTER_KEY)
    assert elsewhere.returncode == 1 and "was moved to" in elsewhere.stderr


def test_killed_again_and_again(embedded, shared, tmp_path):
    """kill -9 wherever it happens to be; the next run goes on, and nothing is there twice or not at all."""
    directory = tmp_path / "embedded" / "data"
    filled = run("bench", "--events", "30000", "--batch", "100", "--webhooks", "20", "--no-limit",
                 "--data", directory, timeout=300)
    assert filled.returncode == 0, filled
    source = embedded(start=False)
    assert data_of(source) == directory
    store = PostgresStore(tmp_path)
    command = [str(BINARY), "move", "--from", str(directory), "--to", store.url()]

    def rows():
        try:
            return int(store.sql("SELECT coalesce(sum(rows), 0) FROM skyhook.move_progress"))
        except subprocess.CalledProcessError:
            return 0  # there is no such table yet

    kills = 0
    for enough in range(1_000, 40_000, 9_000):
        process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and rows() < enough:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(10) == -signal.SIGKILL
    assert kills >= 3
    refused = shared(store, source, start=False).start(wait=False)
    assert refused.process.wait(20) == 1 and "is not finished" in refused.log()
    last = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=300)
    assert last.returncode == 0, last
    counts = counts_of(last.stdout)
    assert counts["events"] == (30_000, 30_000) and counts["attempts"][0] >= 30_000
    assert all(one == two for one, two in counts.values()), counts
    for table, key in (("events", "event_id"), ("deliveries", "delivery_id")):
        assert store.sql(f"SELECT count(DISTINCT {key}) FROM skyhook.{table}") == "30000"


def test_undone(embedded, make_receiver, tmp_path):
    source = embedded("--retry-schedule", f"{WAIT_S}s")
    account = source.account()
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 1, what="the outcome")
    assert source.stop() == 0
    assert move(source, PostgresStore(tmp_path)).returncode == 0
    undone = run("move", "--from", data_of(source), "--undo")
    assert undone.returncode == 0 and "is served again" in undone.stdout
    source.start()
    account.settled(webhook, "delivered")
    assert len(receiver.requests) == 2
    assert "nothing to undo" in run_after(source, "--undo")


def run_after(source, *arguments):
    assert source.stop() == 0
    return run("move", "--from", data_of(source), *arguments).stdout


def test_refused_where_it_would_lose_or_mix(embedded, shared, tmp_path):
    source = embedded(SKYHOOK_MASTER_KEY=MASTER_KEY)
    account = source.account()
    account.webhook("http://127.0.0.1:9/hook")
    store = PostgresStore(tmp_path)
    serving = move(source, store, SKYHOOK_MASTER_KEY=MASTER_KEY)
    assert serving.returncode == 1 and "in use" in serving.stderr
    assert source.stop() == 0

    for environment in ({}, {"SKYHOOK_MASTER_KEY": "60" * 32}):
        locked = move(source, store, **environment)
        assert locked.returncode == 1 and "1 webhook secrets do not open" in locked.stderr

    target = shared(store, source)
    used = move(source, store, SKYHOOK_MASTER_KEY=MASTER_KEY)
    assert used.returncode == 1 and "a server uses the database" in used.stderr
    target.account()
    assert target.stop() == 0
    full = move(source, store, SKYHOOK_MASTER_KEY=MASTER_KEY)
    assert full.returncode == 1 and "holds accounts or events already" in full.stderr

    nowhere = run("move", "--from", tmp_path / "nothing", "--to", store.url())
    assert nowhere.returncode == 1 and "holds no data of Skyhook" in nowhere.stderr
    away = run("move", "--from", data_of(source), "--to", "postgres://127.0.0.1:1/x",
               environment={"SKYHOOK_MASTER_KEY": MASTER_KEY})
    assert away.returncode == 1 and away.stderr.strip()
    # After all of that it serves as before.
    source.start()


@pytest.mark.parametrize("arguments,told", [
    (["--to", "postgres://127.0.0.1/x"], "--from"),
    (["--from", "somewhere"], "where to?"),
    (["--from", "somewhere", "--to", "mysql://127.0.0.1/x"], "--to: the value is not a URL"),
    (["--from", "", "--to", "postgres://127.0.0.1/x"], "--from: the value"),
    (["--from", "somewhere", "--to", "postgres://127.0.0.1/x", "--nonsense"], "--nonsense"),
])
def test_wrong_settings_are_status_2(arguments, told):
    result = run("move", *arguments)
    assert result.returncode == 2, result
    assert told in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_password_is_not_shown(embedded, tmp_path):
    source = embedded()
    source.account()
    assert source.stop() == 0
    store = PostgresStore(tmp_path)
    url = store.url().replace("postgres@", "postgres:very-secret@") + "?application_name=very-secret"
    moved = run("move", "--from", data_of(source), environment={"SKYHOOK_DATABASE_URL": url})
    assert moved.returncode == 0, moved
    assert "very-secret" not in moved.stdout + moved.stderr
    source.start(wait=False)
    assert source.process.wait(20) == 1
    assert "was moved to" in source.log() and "very-secret" not in source.log()
    assert PostgresServer.of_this_run().sql("SELECT count(*) FROM skyhook.accounts", store.database) == "1"
