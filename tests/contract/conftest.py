"""Fixtures: servers, receivers, names and certificates for the contract tests.

The server under test is the real binary (SKYHOOK_BINARY, else build/skyhook). Most tests share one
a worker, in accounts of their own; a test that needs other settings, or ends the process, starts
its own through `make_server`.
"""

import json
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import receiver as receivers  # noqa: E402
from harness.certificates import Authority  # noqa: E402
from harness.names import NameServer  # noqa: E402
from harness.server import BINARY, LOCAL, Skyhook, close_all  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes minutes; run by `make soak` alone")


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: build it, or set SKYHOOK_BINARY", returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in Skyhook.running:
            tail = "\n".join(server.log().splitlines()[-40:])
            report.sections.append((f"log of {server.directory.name}", tail))


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def names():
    server = NameServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory, authority):
    """For local receivers; retries after 200 ms, twice. An attempt has longer than the machine can be held up: where a test
    lets one run out of time, its webhook has a timeout of its own."""
    instance = Skyhook(
        tmp_path_factory.mktemp("server"),
        [*LOCAL, "--retry-schedule", "200ms,200ms", "--timeout", "30s", "--rate-limit", "1000000",
         "--ca-file", str(authority.file)],
    ).start()
    yield instance
    close_all([instance])


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory, authority, names):
    """As a platform runs it: https only, public addresses only; names from the tests' own server."""
    instance = Skyhook(
        tmp_path_factory.mktemp("strict-server"),
        ["--retry-schedule", "100ms", "--timeout", "30s", "--rate-limit", "1000000",
         "--ca-file", str(authority.file), "--dns-servers", names.address],
    ).start()
    yield instance
    close_all([instance])


@pytest.fixture
def make_server(tmp_path, authority):
    """Starts a server of the test's own. Local receivers are allowed unless `local=False`."""
    made = []

    def make(*arguments, local=True, start=True, name=None, store=None, **environment):
        instance = Skyhook(
            tmp_path / (name or f"server-{len(made) + 1}"),
            [*(LOCAL if local else []), "--ca-file", str(authority.file), *arguments],
            environment, store,
        )
        made.append(instance)
        return instance.start() if start else instance

    yield make
    close_all(made)


@pytest.fixture
def account(server):
    return server.account()


@pytest.fixture
def make_receiver():
    made = []

    def make(*answers, **keywords):
        made.append(receivers.Receiver(*answers, **keywords))
        return made[-1]

    yield make
    for instance in made:
        instance.close()


@pytest.fixture
def receiver(make_receiver):
    return make_receiver()


@pytest.fixture
def start_command():
    """Starts a long-running command of the binary; ended with the test."""
    processes = []

    def start(*arguments, environment=None, output):
        from harness.server import clean_environment

        with open(output, "wb") as stream:
            process = subprocess.Popen(
                [str(BINARY), *map(str, arguments)], stdout=stream, stderr=stream,
                stdin=subprocess.DEVNULL, env=clean_environment(**(environment or {})),
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def pytest_assertrepr_compare(op, left, right):
    """Objects compare with their order of fields shown."""
    if op == "==" and isinstance(left, dict) and isinstance(right, dict):
        return ["objects differ", json.dumps(left, default=repr), json.dumps(right, default=repr)]
    return None
