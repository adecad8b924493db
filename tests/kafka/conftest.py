"""A real broker for all tests, a topic for each; servers and receivers are those of the contract tests."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "contract"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from broker import JARS, Broker  # noqa: E402
from harness import receiver as receivers  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.server import LOCAL, Skyhook  # noqa: E402
from harness.stores import PostgresServer  # noqa: E402

PARTITIONS = 3


def pytest_sessionstart(session):
    if not any(JARS.glob("kafka_*.jar")):
        pytest.exit(f"no broker in {JARS}: run make test-kafka", returncode=2)


@pytest.fixture(scope="session")
def broker():
    instance = Broker().start()
    yield instance
    instance.close()


@pytest.fixture
def topic(broker, request):
    name = "t." + request.node.name.replace("[", ".").replace("]", "")
    broker.make_topic(name, PARTITIONS)
    broker.make_topic(name + ".dead-letter", 1)
    return name


@pytest.fixture
def flags(broker, topic):
    return ["--kafka-brokers", broker.address, "--kafka-topic", topic,
            # So that a member that was killed is missed soon.
            "--kafka-property", "session.timeout.ms=6000", "--kafka-property", "heartbeat.interval.ms=500"]


@pytest.fixture
def server(tmp_path, flags):
    instance = Skyhook(tmp_path / "server", [*LOCAL, "--rate-limit", "0", *flags]).start()
    yield instance
    instance.close()


@pytest.fixture
def cluster(tmp_path):
    instance = Cluster(tmp_path / "cluster", PostgresServer.of_this_run())
    yield instance
    instance.close()


@pytest.fixture
def receiver():
    instance = receivers.Receiver()
    yield instance
    instance.close()
