"""Where the server under test keeps its data: chosen by SKYHOOK_TEST_STORE (sqlite, postgres)."""

import atexit
import copy
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .polling import eventually


class SqliteStore:
    """The embedded store, in a directory of its own."""

    def __init__(self, directory):
        self.directory = directory / "data"

    def arguments(self):
        return ["--data", str(self.directory)]


class CpuTime:
    """CPU that processes take from now on, to the nanosecond; of those that end meanwhile, what
    they took since the last look is lost."""

    def __init__(self, processes):
        self.processes = processes  # () -> their ids
        self.before = self._look()

    def _look(self):
        taken = {}
        for process in self.processes():
            for task in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
                try:
                    taken[task] = int(task.read_text().split()[0])
                except OSError:
                    continue  # it ended just now
        return taken

    def seconds(self):
        """Since the last call."""
        before, self.before = self.before, self._look()
        return sum(now - before.get(task, 0) for task, now in self.before.items()) / 1e9


def is_running(process):
    """Not one that has ended and waits for its parent to notice."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class PostgresServer:
    """A real PostgreSQL in a folder of its own (tests/support/postgres.sh)."""

    SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "support" / "postgres.sh"
    shared = None

    def __init__(self, standby_of=None, **settings):
        self.directory = tempfile.mkdtemp(prefix="skyhook-pg-")
        self.settings = {f"SKYHOOK_TEST_POSTGRES_{name.upper()}": str(value)
                         for name, value in settings.items()}
        self.server_url = (self.script("standby", standby_of.directory) if standby_of
                           else self.script("start"))
        self.names = itertools.count(1)
        atexit.register(self.close)

    @classmethod
    def of_this_run(cls):
        """Started when first asked for, stopped when the process ends."""
        if cls.shared is None:
            cls.shared = cls()
        return cls.shared

    def script(self, command, *arguments):
        done = subprocess.run([str(self.SCRIPT), command, self.directory, *arguments], check=True,
                              timeout=120, env={**os.environ, **self.settings},
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    @property
    def port(self):
        return int(self.server_url.rsplit(":", 1)[1].split("/")[0])

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

    def crash(self):
        """Ends as in a crash: no session is told, and nothing is written. Returns when all of it is gone."""
        processes = self.processes()
        os.kill(self.process_id(), signal.SIGQUIT)
        eventually(lambda: not any(is_running(process) for process in processes), 30, "the end of the database")

    def processes(self):
        """The postmaster and its children."""
        postmaster = str(self.process_id())
        found = [postmaster]
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = stat.read_text().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue  # it ended just now
            if parent == postmaster:
                found.append(stat.parent.name)
        return found

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
        self.hosts = None  # as a URL names them, where not only the server itself
        self.user = "postgres"

    def url(self):
        hosts = self.hosts or f"127.0.0.1:{self.server.port}"
        return f"postgres://{self.user}@{hosts}/{self.database}"

    def reached_through(self, *hosts):
        """The same database, for nodes that are to reach it at other addresses ("host:port")."""
        other = copy.copy(self)
        other.hosts = ",".join(hosts)
        return other

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
