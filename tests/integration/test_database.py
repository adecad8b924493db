"""docs/operating.md, "Many nodes on one PostgreSQL": TLS to the database, its backup, an upgrade node by node."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from harness.certificates import Authority
from harness.cluster import Cluster, account_on, known_on
from harness.load import Publisher
from harness.polling import eventually
from harness.receiver import Held, status
from harness.server import run
from harness.stores import PostgresServer, PostgresStore, SqliteStore


@pytest.fixture
def make_cluster(tmp_path):
    made = []

    def make(server=None, name="cluster"):
        made.append(Cluster(tmp_path / name, server or PostgresServer.of_this_run()))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


# --- TLS ----------------------------------------------------------------------------------------


class TlsServer(PostgresServer):
    """A PostgreSQL that speaks TLS and nothing else on TCP; its certificate is for these names."""

    def __init__(self, authority, names):
        super().__init__()
        data = pathlib.Path(self.directory) / "data"
        authority.context("database", names=names)
        certificate = data / "server.pem"
        shutil.copy(authority.directory / "database.pem", certificate)
        owner = data.stat()
        os.chown(certificate, owner.st_uid, owner.st_gid)
        certificate.chmod(0o600)
        for setting in ("ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.pem'", "ssl = on"):
            self.sql(f"ALTER SYSTEM SET {setting}")
        rules = data / "pg_hba.conf"
        rules.write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
        self.script("stop")
        self.script("run")


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return [Authority(tmp_path_factory.mktemp(name)) for name in ("authority", "other-authority")]


@pytest.fixture(scope="module")
def tls_database(authorities):
    server = TlsServer(authorities[0], ["127.0.0.1"])
    yield server
    server.close()


class TlsStore(PostgresStore):
    def __init__(self, directory, server, parameters):
        self.parameters = parameters
        super().__init__(directory, server)

    def url(self):
        return super().url() + self.parameters

    def sql(self, statement):
        return self.server.sql(statement, self.database)


def test_a_verified_database_is_used(make_server, make_receiver, tls_database, authorities, tmp_path):
    store = TlsStore(tmp_path, tls_database,
                     f"?sslmode=verify-full&sslrootcert={authorities[0].file}")
    server = make_server(store=store)
    account = server.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    in_clear = store.sql("SELECT count(*) FILTER (WHERE NOT s.ssl), count(*) FROM pg_stat_ssl s "
                         "JOIN pg_stat_activity a USING (pid) "
                         f"WHERE a.datname = '{store.database}' AND a.application_name LIKE 'skyhook%'")
    clear, connections = map(int, in_clear.split("|"))
    assert clear == 0 and 5 <= connections <= 10


@pytest.mark.parametrize("parameters,told", [
    ("?sslmode=verify-full&sslrootcert={other}", "SSL error"),
    ("?sslmode=verify-ca&sslrootcert={other}", "SSL error"),
    ("?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
    ("?sslmode=disable", "no encryption"),
])
def test_a_database_that_cannot_be_trusted_is_refused(make_server, tls_database, authorities, tmp_path,
                                                      parameters, told):
    store = TlsStore(tmp_path, tls_database, parameters.format(other=authorities[1].file))
    server = make_server(store=store, start=False)
    server.start(wait=False)
    assert server.process.wait(20) == 1
    (line,) = server.log().splitlines()
    assert told in line
    assert store.sql("SELECT to_regnamespace('skyhook') IS NULL") == "t"


def test_the_name_of_the_database_is_verified(make_server, authorities, tmp_path):
    """A certificate of the right authority for another host: verify-full refuses it, verify-ca does not look."""
    database = TlsServer(authorities[0], ["elsewhere.example"])
    try:
        for mode, starts in (("verify-full", False), ("verify-ca", True)):
            store = TlsStore(tmp_path / mode, database,
                             f"?sslmode={mode}&sslrootcert={authorities[0].file}")
            server = make_server(store=store, name=mode, start=False)
            if starts:
                server.start()
                assert server.stop() == 0
            else:
                server.start(wait=False)
                assert server.process.wait(20) == 1
                assert "does not match host name" in server.log()
    finally:
        database.close()


def test_a_move_verifies_the_database_too(tls_database, authorities, tmp_path, make_server):
    source = make_server(store=SqliteStore(tmp_path / "source"), name="source")
    source.account()
    assert source.stop() == 0
    for authority, ends in ((authorities[1], 1), (authorities[0], 0)):
        store = TlsStore(tmp_path, tls_database, f"?sslmode=verify-full&sslrootcert={authority.file}")
        moved = run("move", "--from", tmp_path / "source" / "data", "--to", store.url())
        assert moved.returncode == ends, moved
        assert ends == 0 or "SSL error" in moved.stderr


# --- what to watch --------------------------------------------------------------------------------


def test_the_queries_of_the_guide_answer(make_cluster, root):
    cluster = make_cluster()
    cluster.node()
    guide = (root / "docs" / "operating.md").read_text()
    section = guide.split("### What to watch in the database")[1].split("\n### ")[0]
    queries = section.split("```sql")[1].split("```")[0].strip().rstrip(";").split(";\n")
    assert len(queries) == 5
    nodes, transactions, outbox, days, disk = (cluster.store.sql(query) for query in queries)
    assert nodes.count("\n") == 0 and nodes.split("|")[4] == "f"
    assert transactions == "" or transactions.startswith("00:00:0")
    assert outbox == "0" and int(days) >= 3
    assert disk.startswith("d")


# --- backup -------------------------------------------------------------------------------------


def test_a_dump_under_load_restores(make_cluster, make_receiver, tmp_path):
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    late_receiver = make_receiver(status(500))
    late = account.webhook(late_receiver.url(), events=["contact.updated"])
    for n in range(30):
        account.publish(data={"n": n})
    for n in range(10):
        account.publish("contact.updated", {"n": n})
    account.settled(webhook, "delivered", 30)
    before = {entry["delivery_id"] for entry in account.deliveries(webhook, "?per_page=100")}
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    dump = tmp_path / "skyhook.dump"
    try:
        subprocess.run(["pg_dump", "-n", "skyhook", "-Fc", "-f", str(dump), cluster.store.url()],
                       check=True, timeout=60)
    finally:
        publisher.stop()
    for node in (one, two):
        assert node.stop() == 0

    restored = make_cluster(name="restored")
    subprocess.run(["pg_restore", "--no-owner", "--exit-on-error", "-d", restored.store.url(), str(dump)],
                   check=True, timeout=60)
    node = restored.node(start=False)
    node.operator_token = one.operator_token
    node.environment["SKYHOOK_OPERATOR_TOKEN"] = one.operator_token
    late_receiver.answer_with(status(200))
    node.start()
    same = account_on(node, account)
    assert len(before) == 30
    assert {same.detail(webhook, delivery)["status"] for delivery in before} == {"delivered"}
    # What waited in the dump is taken over from nodes that will not come back.
    same.settled(late, "delivered", 10, timeout=40)
    eventually(lambda: not same.deliveries(webhook, "?status=pending"), 30, "nothing left waiting")
    count = len(receiver.requests)
    same.publish(data={"n": "after"})
    receiver.wait(count + 1)


# --- upgrade ------------------------------------------------------------------------------------


def test_nodes_are_replaced_one_by_one_under_load(make_cluster, make_receiver):
    """As a rolling upgrade does it: a new node beside the old ones, then an old one ends; nothing is lost."""
    cluster = make_cluster()
    old = [cluster.node(), cluster.node()]
    account = old[0].account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    known_on(old[1], account)
    accepted = set()
    for ending in old:
        new = cluster.node()
        known_on(new, account)
        publisher = Publisher([ending, new], account.id)
        try:
            eventually(lambda: len(publisher.accepted) > 50, what="load", interval=0.05)
            ending.process.send_signal(signal.SIGTERM)
            assert ending.process.wait(40) == 0
        finally:
            publisher.stop()
        # Numbers begin anew with each publisher.
        accepted |= {(ending.port, number) for number in publisher.accepted}
    last = account_on(cluster.nodes[-1], account)
    eventually(lambda: last.get(f"/webhooks/{webhook['id']}/deliveries?status=delivered").json["meta"]["total"]
               >= len(accepted), 30, "every accepted event delivered")
    assert not last.deliveries(webhook, "?status=failed")


def grow_schema(store):
    """What the migration of a newer version may do: a column with a default in every table, partitions included, another table, another
    function, and its number."""
    store.sql("""
        DO $$
        DECLARE t regclass;
        BEGIN
          FOR t IN SELECT c.oid FROM pg_class c WHERE relnamespace = 'skyhook'::regnamespace AND relkind IN ('r', 'p')
                   AND NOT relispartition LOOP
            EXECUTE format('ALTER TABLE %s ADD COLUMN later text NOT NULL DEFAULT ''''', t);
          END LOOP;
          CREATE TABLE skyhook.later (id bigint PRIMARY KEY);
          CREATE FUNCTION skyhook.later() RETURNS int LANGUAGE sql AS 'SELECT 1';
          INSERT INTO skyhook.schema_versions (version) SELECT max(version) + 1 FROM skyhook.schema_versions;
        END $$""")


def test_a_running_node_works_on_beside_a_schema_that_grew(make_cluster, make_receiver):
    """A newer node's migration leaves older ones at work, whatever befalls them; but none of them starts any more."""
    cluster = make_cluster()
    old, other = cluster.node(), cluster.node()
    account = old.account()
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url(), options={"retry_schedule": ["1s"]})
    known_on(other, account)
    grow_schema(cluster.store)
    account.publish()  # fails, and is retried
    account.settled(webhook, "delivered")
    second = account.webhook(receiver.url(), events=["contact.updated"])
    account.publish("contact.updated")
    account.settled(second, "delivered")
    assert account.post(f"/webhooks/{webhook['id']}/test").status == 200
    entry = account.deliveries(webhook)[-1]
    assert account.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry").status == 202
    account.settled(webhook, "delivered", 2)
    # One that loses its lease begins anew, and one that ends is taken over.
    node_id = cluster.store.sql("SELECT min(node_id) FROM skyhook.nodes WHERE NOT expired")
    cluster.store.sql(f"SELECT skyhook.expire_nodes({node_id})")
    eventually(lambda: "the lease was lost" in old.log(), what="a node that begins anew")
    eventually(lambda: old.request("GET", "/readyz").status == 200, what="ready again")
    account.publish("contact.updated")
    account.settled(second, "delivered", 2)
    success = Held(status(200))  # until then it is the other node's
    receiver.answer_with(status(500), success)
    other.publish(account.id)
    eventually(lambda: [entry for entry in account.deliveries(webhook, "?status=pending")
                        if entry["response_status_code"] == 500], what="a failure")
    other.kill()
    success.let_go()
    account.settled(webhook, "delivered", 3)
    late = cluster.node(start=False).start(wait=False)
    assert late.process.wait(20) == 1 and "newer version" in late.log()
    assert old.stop() == 0
