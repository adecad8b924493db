"""A database that goes away, comes back, or cannot be reached: no false 202, no restart of a node."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from harness.cluster import TAKE_OVER_S, known_on
from harness.load import Publisher, numbers
from harness.polling import eventually


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


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_database_ends_and_comes_back(own_database, make_cluster, make_receiver, how):
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


def test_a_database_that_turns_read_only(own_database, make_cluster, make_receiver):
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


def test_a_database_out_of_connections(own_database, make_cluster, make_receiver):
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
