"""The fixtures of the contract tests, for what is built around the server: examples, the API's
description, packages, metrics."""

import importlib.util
import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _contract_fixtures():
    path = ROOT / "tests" / "contract" / "conftest.py"
    spec = importlib.util.spec_from_file_location("contract_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["contract_fixtures"] = module
    spec.loader.exec_module(module)
    return module


_fixtures = _contract_fixtures()
globals().update({name: value for name, value in vars(_fixtures).items() if not name.startswith("_")})


from harness.stores import PostgresStore, SqliteStore  # noqa: E402


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def tool():
    """The path of a program that the tests need; `make setup` installs all of them."""

    def find(name):
        path = shutil.which(name) or shutil.which(name, path=str(pathlib.Path(sys.executable).parent))
        assert path, f"{name} is missing: run `make setup`"
        return path

    return find


@pytest.fixture(params=["sqlite", "postgres"])
def store_kind(request):
    """Runs the test once on each store."""
    return request.param


@pytest.fixture
def make_store_server(make_server, store_kind, tmp_path):
    """As make_server, on the store whose turn it is."""

    def make(*arguments, **keywords):
        store = PostgresStore(tmp_path) if store_kind == "postgres" else SqliteStore(tmp_path)
        return make_server(*arguments, store=store, **keywords)

    return make
