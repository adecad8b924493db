"""/metrics on both stores: every figure moves with what it counts, names are those of the dashboard
and the alerts, and accounts and webhooks do not multiply the series."""

import re
import resource
import subprocess

import pytest
from harness.polling import eventually
from harness.receiver import Held, closed_port, hang, status
from harness.stores import PostgresServer, PostgresStore

SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def scrape(server):
    """{(name, frozenset of (label, value)): number} of every series."""
    answer = server.request("GET", "/metrics",
                            headers={"Authorization": f"Bearer {server.operator_token}"})
    assert answer.status == 200
    found = {}
    for line in answer.body.decode().splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SERIES.match(line).groups()
        found[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels or ""))] = float(value)
    return found


def value(server, name, **labels):
    return scrape(server)[name, frozenset(labels.items())]


def rises(server, name, to, **labels):
    """Waits until a series is what it must be; what the server counts may be a moment late."""
    seen = None

    def there():
        nonlocal seen
        seen = value(server, name, **labels)
        return seen == to

    try:
        eventually(there)
    except AssertionError:
        raise AssertionError(f"{name} {labels} is {seen}, not {to}") from None


@pytest.fixture
def quiet_server(make_store_server):
    """A server of the test's own on each store; a retry is an hour away."""
    return make_store_server("--retry-schedule", "1h", "--rate-limit", "0")


def test_accepted_and_delivered(quiet_server, receiver):
    account = quiet_server.account()
    for _ in range(2):
        account.webhook(receiver.url())
    for _ in range(3):
        account.publish()
    rises(quiet_server, "skyhook_events_accepted_total", 3)
    rises(quiet_server, "skyhook_deliveries_accepted_total", 6)
    rises(quiet_server, "skyhook_deliveries_delivered_total", 6)
    rises(quiet_server, "skyhook_api_requests_total", 3, status="202")
    rises(quiet_server, "skyhook_first_attempt_latency_seconds_count", 6)
    rises(quiet_server, "skyhook_attempt_duration_seconds_count", 6)
    assert 0 < value(quiet_server, "skyhook_attempt_duration_seconds_sum") < 6 * 10


def test_first_attempts_are_those_of_what_was_published(quiet_server, receiver):
    account = quiet_server.account()
    webhook = account.webhook(receiver.url())
    account.publish()
    assert account.post(f"/webhooks/{webhook['id']}/test").status == 200
    assert account.post(f"/webhooks/{webhook['id']}/replay", {"since": "2020-01-01T00:00:00Z"}).status == 202
    rises(quiet_server, "skyhook_attempts_total", 3, result="success", reason="none")
    assert value(quiet_server, "skyhook_first_attempt_latency_seconds_count") == 1


def test_attempts_by_result_and_reason(quiet_server, make_receiver):
    account = quiet_server.account()
    for url in (make_receiver().url(), make_receiver(status(500)).url(), make_receiver(status(410)).url(),
                f"http://127.0.0.1:{closed_port()}/"):
        account.webhook(url)
    account.webhook(make_receiver(hang).url(), options={"timeout": "1s"})
    account.publish()
    rises(quiet_server, "skyhook_attempts_total", 1, result="success", reason="none")
    for reason, count in {"http_status": 2, "timeout": 1, "connect": 1}.items():
        rises(quiet_server, "skyhook_attempts_total", count, result="failure", reason=reason)
    rises(quiet_server, "skyhook_deliveries_failed_total", 1)  # the receiver that answered 410


def test_waiting_lanes_and_slots(quiet_server, make_receiver):
    assert value(quiet_server, "skyhook_deliveries_waiting") == 0
    assert value(quiet_server, "skyhook_oldest_waiting_age_seconds") == 0
    assert value(quiet_server, "skyhook_lanes") == 0
    account = quiet_server.account()
    account.webhook(make_receiver(status(500)).url())
    account.publish()
    account.publish()
    rises(quiet_server, "skyhook_deliveries_waiting", 2)
    eventually(lambda: value(quiet_server, "skyhook_oldest_waiting_age_seconds") > 0.5, what="age")
    rises(quiet_server, "skyhook_lanes", 1)
    rises(quiet_server, "skyhook_lanes_shrunk", 1)
    assert value(quiet_server, "skyhook_attempts_in_flight_limit") > 0

    answer = Held(status(200))
    account.webhook(make_receiver(answer).url(), events=["contact.updated"])
    account.publish("contact.updated")
    rises(quiet_server, "skyhook_attempts_in_flight", 1)
    answer.let_go()
    rises(quiet_server, "skyhook_attempts_in_flight", 0)


def test_connections(quiet_server, receiver):
    account = quiet_server.account()
    webhook = account.webhook(receiver.url())
    for number in range(2):
        account.publish()
        account.settled(webhook, "delivered", count=number + 1)
    rises(quiet_server, "skyhook_receiver_connections_opened_total", 1)
    rises(quiet_server, "skyhook_receiver_connections_reused_total", 1)
    rises(quiet_server, "skyhook_receiver_connections_open", 1)
    rises(quiet_server, "skyhook_receiver_connections_idle", 1)
    assert value(quiet_server, "skyhook_api_connections_open") >= 1  # the one that asks


def test_commits(quiet_server, receiver):
    account = quiet_server.account()
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")

    def written():
        found = {name: number for (name, labels), number in scrape(quiet_server).items()
                 if name.startswith("skyhook_store") and not labels}
        # An event, its delivery, its outcome: at least one row each.
        return found if found["skyhook_store_rows_total"] >= 3 else None

    found = eventually(written, what="the rows")
    assert found["skyhook_store_commit_rows_sum"] == found["skyhook_store_rows_total"]
    assert found["skyhook_store_commit_rows_count"] >= 2  # the outcome cannot be with the event
    assert (found["skyhook_store_commit_duration_seconds_count"]
            == found["skyhook_store_commit_rows_count"])
    assert found["skyhook_store_commit_duration_seconds_sum"] > 0
    assert found["skyhook_store_failures_total"] == 0


def publish_until_refused(server, account):
    """Asserts that the refusal, and what failed in the store, are counted."""
    event = {"event": "contact.created", "data": {"filler": "x" * 100_000}}

    def refused():
        answer = server.operator("POST", f"/accounts/{account.id}/events", event)
        return answer if answer.status != 202 else None

    assert eventually(refused, what="a refusal").status == 503
    rises(server, "skyhook_publishes_refused_total", 1)
    assert value(server, "skyhook_store_failures_total") >= 1


def test_what_a_store_refuses_and_fails(make_server, receiver):
    """The embedded one, on a disk that is full."""
    server = make_server(start=False, SKYHOOK_LOG="off")
    server.ignores_file_size_signal = True
    server.start()
    account = server.account()
    account.webhook(receiver.url())
    assert value(server, "skyhook_publishes_refused_total") == 0
    assert value(server, "skyhook_store_failures_total") == 0
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
    publish_until_refused(server, account)


def test_the_lease_of_a_node(quiet_server, store_kind):
    names = {name for name, _ in scrape(quiet_server)}
    if store_kind == "sqlite":
        assert not any(name.startswith("skyhook_node_") for name in names)
        return
    assert 0 < value(quiet_server, "skyhook_node_lease_seconds") < 60
    assert value(quiet_server, "skyhook_node_leases_lost_total") == 0
    # Another node takes this one for dead: it begins anew, and says so.
    store = quiet_server.store
    store.sql("SELECT skyhook.expire_nodes(node_id) FROM skyhook.nodes WHERE NOT expired")
    rises(quiet_server, "skyhook_node_leases_lost_total", 1)
    eventually(lambda: value(quiet_server, "skyhook_node_lease_seconds") > 0, what="a new lease")


def test_a_node_without_its_database_says_that_its_lease_is_over(make_server, tmp_path):
    own = PostgresServer()
    try:
        server = make_server(store=PostgresStore(tmp_path, own))
        account = server.account()
        assert value(server, "skyhook_node_lease_seconds") > 0
        own.script("stop")
        eventually(lambda: value(server, "skyhook_node_lease_seconds") == 0, 30, "the lease's end")
        publish_until_refused(server, account)
    finally:
        own.close()


def test_accounts_and_webhooks_do_not_multiply_the_series(quiet_server, receiver):
    before = set(scrape(quiet_server))
    for _ in range(3):
        account = quiet_server.account()
        webhook = account.webhook(receiver.url())
        account.publish()
        account.settled(webhook, "delivered")
        quiet_server.request("GET", f"/no/such/path/{account.id}")
    after = set(scrape(quiet_server))
    assert after == before
    assert {label for _, labels in after for label, _ in labels} == {
        "le", "reason", "result", "status", "version"}


def names_used(text):
    names = set(re.findall(r"\b(?:skyhook|process)_[a-z_]+\b", text))
    return names - {"skyhook_operator_token"}


def test_promtool_and_the_names_in_dashboard_and_alerts(make_store_server, store_kind, root, tool,
                                                        receiver):
    # Kafka's are there where it is to be read, whether or not there is a broker.
    quiet_server = make_store_server("--kafka-brokers", f"127.0.0.1:{closed_port()}", "--kafka-topic", "events")
    # An account's series begin with its first attempt that a target was set for.
    account = quiet_server.account()
    quiet_server.operator("PUT", f"/accounts/{account.id}", {"first_attempt_target": "5s"})
    account.webhook(receiver.url())
    account.publish()
    series = ("skyhook_account_first_attempt_latency_seconds_count",
              frozenset({("account", str(account.id))}))
    eventually(lambda: series in scrape(quiet_server))
    text = quiet_server.request("GET", "/metrics", headers={
        "Authorization": f"Bearer {quiet_server.operator_token}"}).body.decode()
    result = subprocess.run([tool("promtool"), "check", "metrics"], input=text,
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    families = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert families == set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    known = families | {name + suffix for name in families
                        for suffix in ("_bucket", "_sum", "_count")}
    for path in ("grafana/skyhook.json", "prometheus/skyhook.rules.yaml"):
        used = names_used((root / "deploy" / path).read_text())
        if store_kind == "sqlite":
            used = {name for name in used if not name.startswith("skyhook_node_")}
        assert used and used <= known, f"{path}: {sorted(used - known)}"
    # And every label that a query asks for is one that the metric has.
    for path in ("grafana/skyhook.json", "prometheus/skyhook.rules.yaml"):
        asked = re.findall(r'(skyhook_\w+)\{([^}]*)\}', (root / "deploy" / path).read_text())
        assert asked
        for name, matchers in asked:
            for label, wanted in re.findall(r'(\w+)=\\?"([^"\\$]+)\\?"', matchers):
                if label in ("job", "instance"):
                    continue  # Prometheus' own
                assert re.search(rf'^{name}\{{.*\b{label}="{wanted}"', text, re.MULTILINE), (
                    path, name, label, wanted)
