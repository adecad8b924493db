"""The receivers' code in five languages: against the shared vectors, and against real deliveries,
good and forged."""

import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import pytest

from harness.polling import eventually
from harness.ports import free_port

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
VECTORS = EXAMPLES.parent / "tests" / "vectors"
SIGNATURES, ED25519 = str(VECTORS / "signatures.json"), str(VECTORS / "ed25519.json")
LANGUAGES = ["cpp", "javascript", "python", "php", "go"]


@pytest.fixture(scope="session")
def built(tmp_path_factory, tool):
    """What has to be compiled: the C++ and Go programs."""
    directory = tmp_path_factory.mktemp("examples")
    cpp = EXAMPLES / "cpp"
    for name, libraries in (("receiver", []), ("check_vectors", ["-lboost_json"])):
        subprocess.run(
            [tool("g++"), "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{cpp / 'include'}",
             str(cpp / f"{name}.cpp"), "-o", str(directory / name), "-lcrypto", *libraries],
            check=True)
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOPROXY": "off",
                   "GOTOOLCHAIN": "local"}
    subprocess.run([tool("go"), "build", "-o", str(directory / "go-receiver"), "./receiver"],
                   cwd=EXAMPLES / "go", env=environment, check=True)
    return directory


def vector_command(language, built, tool):
    return {
        "cpp": lambda: [str(built / "check_vectors"), SIGNATURES, ED25519],
        "javascript": lambda: [tool("node"), "check_vectors.mjs", SIGNATURES, ED25519],
        # By the tests' own interpreter, which has the package for Ed25519.
        "python": lambda: [sys.executable, "-B", "check_vectors.py", SIGNATURES, ED25519],
        "php": lambda: [tool("php"), "check_vectors.php", SIGNATURES, ED25519],
        "go": lambda: [tool("go"), "test", "-count=1", "./..."],
    }[language]()


def receiver_command(language, port, built, tool):
    return {
        "cpp": lambda: [str(built / "receiver"), str(port)],
        "javascript": lambda: [tool("node"), "receiver.mjs", str(port)],
        "python": lambda: [tool("python3"), "-B", "receiver.py", str(port)],
        "php": lambda: [tool("php"), "-S", f"127.0.0.1:{port}", "receiver.php"],
        "go": lambda: [str(built / "go-receiver"), str(port)],
    }[language]()


@pytest.mark.parametrize("language", LANGUAGES)
def test_vectors(language, built, tool):
    result = subprocess.run(vector_command(language, built, tool), cwd=EXAMPLES / language,
                            capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_vectors_are_what_the_script_makes(tmp_path, tool):
    for name in ("make_vectors.py", "ed25519.py"):
        shutil.copy(VECTORS / name, tmp_path)
    subprocess.run([tool("python3"), "-B", str(tmp_path / "make_vectors.py")], check=True, capture_output=True)
    for name in ("signatures.json", "ed25519.json"):
        assert (tmp_path / name).read_bytes() == (VECTORS / name).read_bytes()


class Example:
    """An example receiver, running."""

    def __init__(self, command, directory, port, output, **environment):
        self.port = port
        self.output = output
        with open(output, "wb") as stream:
            self.process = subprocess.Popen(command, cwd=directory, stdout=stream,
                                            stderr=subprocess.STDOUT,
                                            env={**os.environ, **environment})
        eventually(self.listens, what="the example to listen")

    def listens(self):
        assert self.process.poll() is None, self.lines()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def lines(self):
        return self.output.read_text(errors="replace").splitlines()

    def count(self, word):
        return sum(line.startswith(word + " {") for line in self.lines())

    def post(self, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/hook", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.parametrize("dialect", ["standard", "vendor"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_real_deliveries_good_and_forged(language, dialect, built, tool, account, server,
                                         make_receiver, tmp_path):
    # A receiver of the test's own first keeps a genuine delivery, to forge others from.
    capture = make_receiver()
    webhook = account.webhook(capture.url())
    port = free_port()
    example = Example(receiver_command(language, port, built, tool), EXAMPLES / language, port,
                      tmp_path / "output", SECRET=webhook["secret"], DIALECT=dialect)
    try:
        account.publish(data={"name": "Zoë 🙂", "n": 1.0})
        genuine = capture.wait(1)[0]
        # The same webhook, pointed at the example: its code accepts what the server signs.
        account.put(f"/webhooks/{webhook['id']}", {"url": f"http://127.0.0.1:{port}/hook"})
        for _ in range(3):
            account.publish(data={"name": "Zoë 🙂", "n": 1.0})
        eventually(lambda: example.count("verified") == 3, what="three verified deliveries")
        assert example.count("refused") == 0

        headers = {name: value for name, value in genuine.headers
                   if name.lower() not in ("host", "content-length", "connection")}
        assert example.post(headers, genuine.body) == 204
        for forged, body in forgeries(headers, genuine.body, dialect):
            assert example.post(forged, body) == 401

        # After a new secret the old one verifies nothing: the delivery ends as failed.
        account.post(f"/webhooks/{webhook['id']}/regenerate-secret")
        account.publish()
        entry = account.settled(webhook, "failed")[0]
        assert entry["response_status_code"] == 401
    finally:
        example.close()


def forgeries(headers, body, dialect):
    """Requests that must be refused, each with one thing wrong."""
    signature = "webhook-signature" if dialect == "standard" else "X-Skylight-Signature"
    value = headers[signature]
    yield headers, body.replace(b"contact", b"contacT")
    yield headers, body + b" "
    yield {**headers, signature: value.split("=" if dialect == "vendor" else ",", 1)[1]}, body
    yield {**headers, signature: value[:-4]}, body
    yield {name: text for name, text in headers.items() if name != signature}, body
    if dialect == "standard":
        yield {**headers, "webhook-id": "another"}, body
        yield {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}, body
