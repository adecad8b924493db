"""Where the server under test keeps its data: chosen by SKYHOOK_TEST_STORE (sqlite, postgres)."""

import atexit
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile


class SqliteStore:
    """The embedded store, in a directory of its own."""

    def __init__(self, directory):
        self.directory = directory / "data"

    def arguments(self):
        return ["--data", str(self.directory)]


class PostgresServer:
    """A real PostgreSQL in a folder of its own (tests/support/postgres.sh)."""

    SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "support" / "postgres.sh"
    shared = None

    def __init__(self, **settings):
        self.directory = tempfile.mkdtemp(prefix="skyhook-pg-")
        self.settings = {f"SKYHOOK_TEST_POSTGRES_{name.upper()}": str(value)
                         for name, value in settings.items()}
        self.server_url = self.script("start")
        self.names = itertools.count(1)
        atexit.register(self.close)

    @classmethod
    def of_this_run(cls):
        """Started when first asked for, stopped when the process ends."""
        if cls.shared is None:
            cls.shared = cls()
        return cls.shared

    def script(self, command):
        done = subprocess.run([str(self.SCRIPT), command, self.directory], check=True, timeout=60,
                              env={**os.environ, **self.settings}, stdout=subprocess.PIPE,
                              text=True)
        return done.stdout.strip()

    def url(self, database="postgres"):
        return self.server_url.rsplit("/", 1)[0] + "/" + database

    def sql(self, statement, database="postgres"):
        done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", self.url(database), "-c",
                               statement], check=True, timeout=60, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def make_database(self):
        name = f"test{next(self.names)}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def process_id(self):
        return int(self.script("pid"))

    def close(self):
        if self.directory is None:
            return
        try:
            self.script("stop")
        except subprocess.CalledProcessError:
            pass  # a test ended it already
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory = None


class PostgresStore:
    """A database of its own on the run's server. Several servers may share the store object."""

    def __init__(self, directory, server=None):
        self.directory = directory / "data"
        self.server = server or PostgresServer.of_this_run()
        self.database = self.server.make_database()

    def url(self):
        return self.server.url(self.database)

    def arguments(self):
        return ["--database-url", self.url()]

    def sql(self, statement):
        return self.server.sql(statement, self.database)


KINDS = {"sqlite": SqliteStore, "postgres": PostgresStore}


def make_store(directory):
    kind = os.environ.get("SKYHOOK_TEST_STORE", "sqlite")
    if kind not in KINDS:
        raise ValueError(f"SKYHOOK_TEST_STORE={kind}: this suite knows {', '.join(KINDS)}")
    return KINDS[kind](directory)
