"""The real binary, started for a test, and its clients: the operator and accounts."""

import datetime
import json
import os
import pathlib
import re
import secrets
import signal
import string
import subprocess
import threading
import time

from . import http
from .polling import GUARD_S, eventually
from .ports import free_port
from .stores import make_store

BINARY = pathlib.Path(
    os.environ.get("SKYHOOK_BINARY")
    or pathlib.Path(__file__).resolve().parents[3] / "build" / "skyhook"
)
# Sanitizers slow the server down; deadlines that only guard against hanging stretch with it.
SANITIZED = "SKYHOOK_TEST_SANITIZED" in os.environ
START_TIMEOUT_S = 60
LOCAL = ["--allow-http", "--allow-network", "127.0.0.0/8"]


def clean_environment(**extra):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SKYHOOK_")}
    return {**kept, **extra}


def run(*arguments, environment=None, timeout=30, cwd=None, standard_input=None):
    """Runs a command of the binary to its end."""
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        env=clean_environment(**(environment or {})),
        capture_output=True, text=True, timeout=timeout, cwd=cwd, input=standard_input,
    )


class Skyhook:
    running = []  # for the logs that a failed test shows

    def __init__(self, directory, arguments=(), environment=None, store=None):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.store = store or make_store(directory)
        self.arguments = list(arguments)
        self.operator_token = "op_" + "".join(
            secrets.choice(string.ascii_letters + string.digits) for _ in range(40)
        )
        self.environment = {"SKYHOOK_OPERATOR_TOKEN": self.operator_token, "SKYHOOK_LOG": "debug"}
        self.environment.update(environment or {})
        self.log_file = directory / "server.log"
        self.host = "127.0.0.1"
        self.port = free_port()
        self.launcher = []  # words before the command, such as those that choose another network
        self.process = None
        self.ignores_file_size_signal = False  # then a file at its limit is an error, not the end

    # --- life ---------------------------------------------------------------------------------

    def start(self, wait=True):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, str(BINARY), "serve", "--listen", f"{self.host}:{self.port}",
                 *self.store.arguments(), *self.arguments],
                env=clean_environment(**self.environment), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
                # Python itself ignores SIGXFSZ; a child inherits that unless told otherwise.
                restore_signals=not self.ignores_file_size_signal,
            )
        if self not in Skyhook.running:
            Skyhook.running.append(self)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=START_TIMEOUT_S):
        def ready():
            assert self.process.poll() is None, (
                f"the server ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            try:
                return self.request("GET", "/readyz", timeout=5).status == 200
            except OSError:
                return False

        eventually(ready, timeout, "readiness")

    def stop(self, timeout=40):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def restart(self):
        if self.process.poll() is None:
            assert self.stop() == 0
        return self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        if self in Skyhook.running:
            Skyhook.running.remove(self)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    # --- clients ------------------------------------------------------------------------------

    def request(self, method, path, body=None, headers=None, json_body=None, timeout=30):
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()
        if body is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        return http.request(self.port, method, path, body, headers, timeout, self.host)

    def operator(self, method, path, json_body=None, body=None, token=None, headers=None):
        headers = {"Authorization": f"Bearer {token or self.operator_token}", **(headers or {})}
        return self.request(method, "/operator/v1" + path, body, headers, json_body)

    def metric(self, name):
        """Of a series without labels."""
        text = self.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.operator_token}"}).body.decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))

    def account(self, name="Acme", **fields):
        answer = self.operator("POST", "/accounts", {"name": name, **fields})
        assert answer.status == 201, answer
        return Account(self, answer.data["id"], answer.data["api_key"])

    def publish(self, account_id, event="contact.created", data=None, key=None):
        body = {"event": event, "data": data if data is not None else {"id": 1}}
        if key is not None:
            body["idempotency_key"] = key
        answer = self.operator("POST", f"/accounts/{account_id}/events", body)
        assert answer.status in (200, 202), answer
        return answer.data

    def publish_raw(self, account_id, body):
        return self.operator("POST", f"/accounts/{account_id}/events", body=body)


def close_all(servers):
    """Ends them. A sanitizer's finding, at exit too, fails the test that saw the server last."""
    for server in servers:
        server.close()
    for log in [server.log() for server in servers]:
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert mark not in log, log[max(0, log.index(mark) - 200):][:6000]


class Account:
    def __init__(self, server, account_id, key):
        self.server = server
        self.id = account_id
        self.key = key

    def request(self, method, path, json_body=None, body=None, headers=None):
        headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return self.server.request(method, "/api/v1" + path, body, headers, json_body)

    def get(self, path, **keywords):
        return self.request("GET", path, **keywords)

    def post(self, path, json_body=None, **keywords):
        return self.request("POST", path, json_body, **keywords)

    def put(self, path, json_body=None, **keywords):
        return self.request("PUT", path, json_body, **keywords)

    def delete(self, path, **keywords):
        return self.request("DELETE", path, **keywords)

    def webhook(self, url, events=("contact.created",), name="Test webhook", **fields):
        answer = self.post("/webhooks", {"name": name, "url": url, "events": list(events),
                                         **fields})
        assert answer.status == 201, answer
        return answer.data

    def publish(self, event="contact.created", data=None, key=None):
        return self.server.publish(self.id, event, data, key)

    def publish_many(self, count):
        """Events with the data {"n": 0}, {"n": 1} and so on, a thousand a request."""
        for first in range(0, count, 1000):
            batch = [{"account_id": self.id, "event": "contact.created", "data": {"n": n}} for n in range(first, min(first + 1000, count))]
            assert self.server.operator("POST", "/events", {"events": batch}).status == 202

    def deliveries(self, webhook, query=""):
        answer = self.get(f"/webhooks/{webhook['id']}/deliveries{query}")
        assert answer.status == 200, answer
        return answer.data

    def detail(self, webhook, delivery_id):
        answer = self.get(f"/webhooks/{webhook['id']}/deliveries/{delivery_id}")
        assert answer.status == 200, answer
        return answer.data

    def began(self, webhook):
        """When the attempts in the webhook's log began, in order, in seconds by the server's own clock: how late a receiver's thread
        looks at its clock is another matter."""
        attempts = [attempt for entry in self.deliveries(webhook, "?per_page=100")
                    for attempt in self.detail(webhook, entry["delivery_id"])["attempts"]]
        return sorted(datetime.datetime.fromisoformat(attempt["started_at"]).timestamp() for attempt in attempts)

    def settled(self, webhook, status, count=1, timeout=GUARD_S):
        """Waits until `count` deliveries of the webhook have that status; the newest first."""

        def enough():
            entries = self.deliveries(webhook, f"?status={status}&per_page=100")
            return entries if len(entries) >= count else None

        try:
            return eventually(enough, timeout, f"{count} {status} deliveries", interval=0.02)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log: {self.deliveries(webhook)}") from None
