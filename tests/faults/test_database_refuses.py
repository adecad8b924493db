"""A database that is there and refuses: every connection taken, or read-only. Publishers get 503 with
Retry-After and never a false 202; when it is over, the nodes go on by themselves."""

import contextlib
import subprocess
import threading

import pytest
from harness.cluster import TAKE_OVER_S, known_on
from harness.load import Publisher, numbers
from harness.polling import eventually
from harness.receiver import status

ROLE = "skyhook"  # of the nodes: not a superuser, for whom some connections are kept back
OTHERS = "others"
CONNECTIONS, KEPT_BACK = 30, 3


@contextlib.contextmanager
def no_connection_left(server):
    """Others take every connection that such a role can have. Until they do, the nodes get none: they would be quicker."""
    over = threading.Event()

    def take_one():
        while not over.is_set():
            subprocess.run(["psql", "-qX", server.url().replace("postgres@", OTHERS + "@"), "-c",
                            "SELECT pg_sleep(600)"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            over.wait(0.1)

    def ask(statement):
        """None where those that are about to be refused have even the connections that are kept back."""
        try:
            return server.sql(statement)
        except subprocess.CalledProcessError:
            return None

    def end_sessions_of(role):
        return ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")

    def others_have_all():
        end_sessions_of(ROLE)
        return ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{OTHERS}'") == str(CONNECTIONS - KEPT_BACK)

    takers = [threading.Thread(target=take_one) for _ in range(CONNECTIONS - KEPT_BACK)]
    server.sql(f"CREATE ROLE {OTHERS} LOGIN; ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    for taker in takers:
        taker.start()
    try:
        eventually(others_have_all, 60, "every connection in the hands of others", interval=0.05)
        eventually(lambda: ask(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1") is not None, what="a connection to allow it")
        yield
    finally:
        over.set()
        while any(taker.is_alive() for taker in takers):
            end_sessions_of(OTHERS)
            takers[0].join(0.1)


@contextlib.contextmanager
def read_only(server):
    def set_to(value):
        server.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        server.sql("SELECT pg_reload_conf()")

    set_to("on")
    try:
        yield
    finally:
        set_to("off")


@pytest.mark.parametrize("trouble", [no_connection_left, read_only])
def test_a_database_that_refuses(own_database, make_cluster, make_receiver, trouble):
    server = own_database(connections=CONNECTIONS, fsync="on")
    server.sql(f"CREATE ROLE {ROLE} LOGIN")
    cluster = make_cluster(server)
    server.sql(f"ALTER DATABASE {cluster.store.database} OWNER TO {ROLE}")
    cluster.store.user = ROLE
    one, two = cluster.node(), cluster.node()
    account = one.account()
    receiver = make_receiver(status(200, delay=0.002))
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        with trouble(server):
            for node in (one, two):
                eventually(lambda: node.request("GET", "/readyz").status == 503, what="not ready")
                assert node.request("GET", "/healthz").status == 200
            eventually(lambda: len(publisher.refused) >= 20, what="refusals")
            accepted = len(publisher.accepted)
            refused = len(publisher.refused)
            eventually(lambda: len(publisher.refused) >= refused + 20, what="refusals only")
            assert len(publisher.accepted) == accepted
        for node in (one, two):
            eventually(lambda: node.request("GET", "/readyz").status == 200, 30, "ready again")
            before = publisher.accepted_by(node)
            eventually(lambda: publisher.accepted_by(node) >= before + 50, 30, "load as before")
    finally:
        publisher.stop()
    publisher.assert_refused_politely()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), TAKE_OVER_S, "every accepted event")
    assert one.process.poll() is None and two.process.poll() is None, "no restart was needed"


def test_a_recovery_that_is_cut_short_is_begun(make_cluster, make_receiver):
    """What was brought back before the database failed is sent, whatever the answer was."""
    cluster = make_cluster()
    node = cluster.node("--retry-schedule", "", "--rate-limit", "0")
    account = node.account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    at_once, failed = 1000, 1200  # a statement brings back so many
    account.publish_many(failed)
    log = f"/webhooks/{webhook['id']}/deliveries?per_page=1&status=failed"
    eventually(lambda: account.get(log).json["meta"]["total"] == failed, 30, "all of them failed")
    receiver.answer_with(status(200))
    cluster.store.sql("CREATE SEQUENCE brought_back; "
                      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                      f"IF nextval('brought_back') > {at_once} THEN RAISE EXCEPTION 'no more' USING ERRCODE = '53100'; "
                      "END IF; RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE UPDATE ON skyhook.detours "
                      "FOR EACH ROW WHEN (NEW.state = 0 AND OLD.state = 2) EXECUTE FUNCTION refuse()")
    answer = account.post(f"/webhooks/{webhook['id']}/recover", {"since": "2020-01-01T00:00:00Z"})
    assert answer.status == 503, answer
    receiver.wait(failed + 5, 15)
