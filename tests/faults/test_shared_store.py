"""Several nodes on one PostgreSQL: nodes that die or freeze, and a database that goes away."""

import json
import os
import signal
import socket
import threading
import time

import pytest
from harness import http
from harness.polling import eventually
from harness.receiver import hang, status
from harness.server import LOCAL, Skyhook
from harness.stores import PostgresServer, PostgresStore

TAKE_OVER_S = 15


class Cluster:
    """Nodes of one database, started and stopped one by one."""

    def __init__(self, directory, server):
        self.directory = directory
        self.store = PostgresStore(directory, server)
        self.server = server
        self.nodes = []

    def node(self, *arguments, start=True):
        node = Skyhook(self.directory / f"node-{len(self.nodes) + 1}",
                       [*LOCAL, "--rate-limit", "0", "--retry-schedule", "300ms,1s,2s,5s,5s,5s",
                        *arguments], {"SKYHOOK_LOG": "info"}, self.store)
        if self.nodes:
            node.operator_token = self.nodes[0].operator_token
            node.environment["SKYHOOK_OPERATOR_TOKEN"] = node.operator_token
        self.nodes.append(node)
        return node.start() if start else node

    def close(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
            node.close()


@pytest.fixture
def make_cluster(tmp_path):
    made = []

    def make(server=None):
        made.append(Cluster(tmp_path / f"cluster-{len(made) + 1}",
                            server or PostgresServer.of_this_run()))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def own_database():
    """A server that the test may stop and kill."""
    made = []

    def make(**settings):
        made.append(PostgresServer(**settings))
        return made[-1]

    yield make
    for server in made:
        server.close()


class Publisher:
    """Publishes numbered events through some nodes until stopped; knows which were accepted."""

    def __init__(self, nodes, account_id, threads=4):
        self.accepted = set()
        self.refused = []  # status and Retry-After of what was not accepted
        self.lock = threading.Lock()
        self.number = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.publish, args=(nodes[i % len(nodes)], account_id))
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def publish(self, node, account_id):
        while not self.stopped.is_set():
            with self.lock:
                self.number += 1
                number = self.number
            try:
                answer = node.operator("POST", f"/accounts/{account_id}/events",
                                       {"event": "contact.created", "data": {"n": number}})
            except OSError:
                self.stopped.wait(0.02)
                continue
            with self.lock:
                if answer.status == 202:
                    self.accepted.add(number)
                else:
                    self.refused.append((answer.status, answer.headers.get("retry-after")))

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def numbers(receiver):
    return [request.json["data"]["n"] for request in list(receiver.requests)]


def account_on(node, original):
    """The same account, asked through another node."""
    from harness.server import Account
    return Account(node, original.id, original.key)


def known_on(node, original):
    """The account on another node, once its webhook is known there: within a second or so."""
    there = account_on(node, original)

    def known():
        answer = there.get("/webhooks")
        return answer.status == 200 and answer.data

    eventually(known, 3, "the webhook on the other node")
    return there


def test_two_nodes_start_at_once_on_an_empty_database(make_cluster):
    cluster = make_cluster()
    nodes = [cluster.node(start=False) for _ in range(3)]
    for node in nodes:
        node.operator_token = nodes[0].operator_token
        node.start(wait=False)
    for node in nodes:
        node.wait_ready()
    assert cluster.store.sql("SELECT count(*) FROM skyhook.schema_versions") == "1"


def test_a_newer_schema_is_refused(make_cluster):
    cluster = make_cluster()
    assert cluster.node().stop() == 0
    cluster.store.sql("INSERT INTO skyhook.schema_versions VALUES (1000)")
    late = cluster.node(start=False)
    late.start(wait=False)
    assert late.process.wait(15) == 1
    assert "newer version" in late.log()


def test_a_change_holds_on_every_node_within_a_second(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    there = account_on(two, account)
    eventually(lambda: there.get("/webhooks").status == 200, 1, "the new key on the other node")
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").status == 200, 1, "the new webhook")
    two.publish(account.id)
    receiver.wait(1)
    # A new secret signs what the other node sends.
    secret = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    time.sleep(1)  # the promise is a second; after it there is nothing to wait for
    two.publish(account.id)
    receiver.wait(2)
    import hashlib
    import hmac
    request = receiver.requests[-1]
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.header("X-Skylight-Signature") == "sha256=" + expected
    # Switched off here, off there.
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").data["is_active"] is False, 1,
               "the switch")
    assert two.publish(account.id)["deliveries"] == 0
    # The log is one, whoever is asked.
    assert len(account.deliveries(webhook)) == len(there.deliveries(webhook)) == 2
    # Deleted here, gone there; the old key dies everywhere.
    account.delete(f"/webhooks/{webhook['id']}")
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").status == 404, 1, "the deletion")
    one.operator("POST", f"/accounts/{account.id}/regenerate-key")
    eventually(lambda: there.get("/webhooks").status == 401, 1, "the end of the old key")


def test_a_retry_of_another_nodes_delivery(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node("--retry-schedule", "1h"), cluster.node("--retry-schedule", "1h")
    account = one.account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    one.publish(account.id)
    receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    receiver.answer_with(status(200))
    (entry,) = account.deliveries(webhook)
    there = known_on(two, account)
    answer = there.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    assert answer.status == 202, answer
    account.settled(webhook, "delivered")
    assert len(receiver.requests) == 2


def test_kill_a_node_under_load(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    receiver = make_receiver(status(200, delay=0.05))
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 300, 30, "some load")
        two.kill()
        killed = time.monotonic()
        eventually(lambda: len(publisher.accepted) >= 500, 30, "more load")
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)),
               TAKE_OVER_S - (time.monotonic() - killed) + 5, "every accepted event")
    sent = numbers(receiver)
    assert len(sent) - len(set(sent)) <= 1024, "duplicates only of what was in flight"


def test_a_frozen_node_does_not_deliver_what_others_took_over(make_cluster, make_receiver):
    cluster = make_cluster()
    one = cluster.node()
    two = cluster.node("--max-in-flight", "8", "--max-in-flight-per-webhook", "4", "--timeout", "10s")
    account = one.account()
    receiver = make_receiver(hang)
    account.webhook(receiver.url())
    known_on(two, account)
    for number in range(40):
        two.publish(account.id, data={"n": number})
    receiver.wait(4)  # in flight; the others wait in that node's memory
    two.process.send_signal(signal.SIGSTOP)
    in_flight = len(receiver.requests)
    receiver.answer_with(status(200))
    eventually(lambda: set(numbers(receiver)[in_flight:]) == set(range(40)), TAKE_OVER_S + 15,
               "what the frozen node owned, delivered by the other")
    two.process.send_signal(signal.SIGCONT)
    # It finds out, and goes on as a node like any other.
    eventually(lambda: "the lease was lost" in two.log(), 10, "the node knows")
    eventually(lambda: two.request("GET", "/readyz").status == 200, 10, "ready again")
    before = len(receiver.requests)
    assert before <= in_flight + 40 + 4, "nothing twice beyond what was in flight"
    eventually(lambda: two.operator("POST", f"/accounts/{account.id}/events",
                                    {"event": "contact.created", "data": {"n": 1000}}).status == 202,
               10, "an event that is accepted")
    eventually(lambda: 1000 in numbers(receiver), 10, "new work")
    sent = numbers(receiver)[in_flight:]
    assert len(sent) - len(set(sent)) <= 4


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_database_ends_and_comes_back(make_cluster, make_receiver, own_database, how):
    server = own_database(fsync="on")
    cluster = make_cluster(server)
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    publisher = Publisher([node], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        if how == "kill":
            os.kill(server.process_id(), signal.SIGQUIT)  # as a crash: no shutdown checkpoint
        else:
            server.script("stop")
        eventually(lambda: any(code == 503 for code, _ in publisher.refused), 20, "a refusal")
        assert node.request("GET", "/healthz").status == 200
        assert node.request("GET", "/readyz").status == 503
        time.sleep(1)  # some load against a database that is away
        eventually(lambda: server.script("run"), 20, "the database")
        accepted = len(publisher.accepted)
        eventually(lambda: len(publisher.accepted) >= accepted + 200, 30, "load as before")
    finally:
        publisher.stop()
    assert all(code == 503 and int(after) >= 1 for code, after in publisher.refused)
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), 30, "every accepted event")
    assert node.process.poll() is None, "no restart was needed"


def test_a_database_that_turns_read_only(make_cluster, make_receiver, own_database):
    server = own_database()
    cluster = make_cluster(server)
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    node.publish(account.id, data={"n": 1})
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    server.sql("SELECT pg_reload_conf()")

    def publish(number):
        return node.operator("POST", f"/accounts/{account.id}/events",
                             {"event": "contact.created", "data": {"n": number}})

    answer = eventually(lambda: (a := publish(2)).status == 503 and a, 10, "a refusal")
    assert int(answer.headers["retry-after"]) >= 1
    server.sql("ALTER SYSTEM RESET default_transaction_read_only")
    server.sql("SELECT pg_reload_conf()")
    eventually(lambda: publish(3).status == 202, 20, "an event that is accepted")
    eventually(lambda: {1, 3} <= set(numbers(receiver)), 10, "both")


def test_a_database_out_of_connections(make_cluster, make_receiver, own_database):
    server = own_database(connections=20)
    cluster = make_cluster(server)
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    node.publish(account.id, data={"n": 1})
    hogs = []
    try:
        # Others take every connection that is left, then this node's are ended.
        import subprocess
        for _ in range(25):
            hogs.append(subprocess.Popen(["psql", "-qX", server.url(), "-c", "SELECT pg_sleep(60)"],
                                         stderr=subprocess.DEVNULL))
        server_tries = 0
        while server_tries < 50:
            try:
                server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE application_name LIKE 'skyhook%'")
            except Exception:  # the test itself found no connection: so does the node
                pass
            server_tries += 1
            if node.request("GET", "/readyz").status == 503:
                break
            time.sleep(0.1)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    eventually(lambda: node.operator("POST", f"/accounts/{account.id}/events",
                                     {"event": "contact.created", "data": {"n": 2}}).status == 202,
               30, "an event that is accepted")
    eventually(lambda: {1, 2} <= set(numbers(receiver)), 20, "both")


class Wire:
    """Between a node and the database; can be cut: nothing passes, nothing is refused."""

    def __init__(self, port):
        self.target = port
        self.cut = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                while self.cut.is_set():
                    time.sleep(0.05)
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            side.close()


def test_a_cut_between_a_node_and_the_database(make_cluster, make_receiver):
    cluster = make_cluster()
    one = cluster.node()
    wire = Wire(int(cluster.server.server_url.rsplit(":", 1)[1].split("/")[0]))
    direct = cluster.store.url()
    cluster.store.url = lambda: f"postgres://postgres@127.0.0.1:{wire.port}/{cluster.store.database}"
    two = cluster.node()
    cluster.store.url = lambda: direct
    account = one.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        wire.cut.set()
        accepted = len(publisher.accepted)
        eventually(lambda: len(publisher.accepted) >= accepted + 200, 30, "the other node goes on")
        eventually(lambda: two.request("GET", "/readyz", timeout=30).status == 503, 40, "not ready")
        wire.cut.clear()
        eventually(lambda: two.request("GET", "/readyz", timeout=30).status == 200, 40, "healed")
    finally:
        wire.cut.clear()
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), TAKE_OVER_S + 15,
               "every accepted event")


def test_publish_inside_the_users_own_transaction(make_cluster, make_receiver):
    cluster = make_cluster()
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    sql = cluster.store.sql
    sql("CREATE TABLE orders (id int PRIMARY KEY)")
    data = '{"order" : 1,   "total": 1.50}'
    publish = f"SELECT skyhook.publish({account.id}, 'contact.created', '%s', '%s')"
    sql(f"BEGIN; INSERT INTO orders VALUES (1); {publish % (data, 'order-1')}; ROLLBACK")
    event = sql(f"BEGIN; INSERT INTO orders VALUES (1); {publish % (data, 'order-1')}; COMMIT")
    committed = time.monotonic()
    receiver.wait(1)
    assert time.monotonic() - committed < 2  # 200 ms, and what a busy machine adds
    assert receiver.requests[0].body.endswith(b',"data":' + data.encode() + b"}")
    assert event.splitlines()[-1] == sql(publish % (data, "order-1")), "the key is known"
    (entry,) = account.settled(webhook, "delivered")
    assert account.detail(webhook, entry["delivery_id"])["event_id"] == event.splitlines()[-1]
    time.sleep(0.5)
    assert len(receiver.requests) == 1, "once, and what was rolled back never"
