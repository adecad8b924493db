"""The fault tests use the servers, receivers and names of the contract tests."""

import pathlib
import sys

import pytest

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "contract"
sys.path.insert(0, str(CONTRACT))

import importlib.util  # noqa: E402

_spec = importlib.util.spec_from_file_location("contract_conftest", CONTRACT / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})

from harness.clock import Clock, build_library  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.network import Namespace, need_namespaces  # noqa: E402
from harness.stores import PostgresServer  # noqa: E402


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


@pytest.fixture
def make_namespace():
    made = []

    def make():
        need_namespaces()
        made.append(Namespace())
        return made[-1]

    yield make
    for network in made:
        network.close()


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory):
    return build_library(tmp_path_factory.mktemp("fake-clock"))


@pytest.fixture
def clock(clock_library, tmp_path):
    return Clock(clock_library, tmp_path / "offset")
