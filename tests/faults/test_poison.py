"""Receivers' poison: that delivery fails with the right reason, every attempt ends by its deadline, memory stays bounded, and
the server does not restart."""

import gzip
import socket
import ssl
import statistics
import struct
import threading
import time

import pytest
from harness import receiver as receivers
from harness.polling import quickest
from harness.receiver import raw, status
from harness.server import SANITIZED

TIMEOUT_S = 2
IN_TIME_S = TIMEOUT_S + (5 if SANITIZED else 1)
EVENTS = 6  # of each poison at once; a lane that only times out sends them one by one, three attempts each
BOMB = gzip.compress(b"\0" * 50_000_000)


def a_byte_a_time(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.pause(0.05)
        connection.send(b".")


def a_byte_a_second(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.pause(1)
        connection.send(b".")


def huge_head(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"y" * 1_000_000 + b"\r\n\r\n")
    return False


def many_informational(connection, _request):
    for _ in range(200_000):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    return False


POISON = {
    "a megabyte of head": (huge_head, {"bad_response"}),
    "a head without end": (receivers.endless_headers, {"bad_response"}),
    "a body without end": (receivers.endless_body, {"bad_response", "response_too_slow"}),
    "a byte a time": (a_byte_a_time, {"response_too_slow"}),
    "a byte a second": (a_byte_a_second, {"response_too_slow"}),
    "a head a line a time": (receivers.slow_headers, {"response_too_slow"}),
    "silence": (receivers.hang, {"timeout"}),
    "early close": (receivers.close_early, {"reset"}),
    "reset": (receivers.reset, {"reset"}),
    "a cut body": (receivers.cut_body, {"reset"}),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), {"bad_response"}),
    "HTTP/9": (raw(b"HTTP/9.9 200 OK\r\n\r\n"), {"bad_response"}),
    "a status of letters": (raw(b"HTTP/1.1 abc OK\r\n\r\n"), {"bad_response"}),
    "two lengths": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), {"bad_response"}),
    "a negative length": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), {"bad_response"}),
    "a bad chunk size": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), {"bad_response"}),
    "a huge chunk size": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
                          {"bad_response"}),
    "hints without end": (many_informational, {"bad_response", "response_too_slow", "reset"}),
}


def attempt_of_test_call(account, url):
    """It ends in time: by the deadline and a second, or less. Again where the machine was held up meanwhile."""
    webhook = account.webhook(url, options={"timeout": f"{TIMEOUT_S}s"})
    answers = []

    def measure():
        started = time.monotonic()
        answers.append(account.post(f"/webhooks/{webhook['id']}/test"))
        return time.monotonic() - started

    assert quickest(measure, IN_TIME_S) < IN_TIME_S
    assert answers[-1].status == 200, answers[-1]
    (attempt,) = account.detail(webhook, answers[-1].data["delivery_id"])["attempts"]
    return attempt


@pytest.mark.parametrize("name", POISON)
def test_the_right_reason_in_time(server, account, make_receiver, name):
    answer, reasons = POISON[name]
    assert attempt_of_test_call(account, make_receiver(answer).url())["error"] in reasons


def test_a_gzip_bomb_is_just_bytes(account, make_receiver):
    bomb = status(200, headers=[("Content-Encoding", "gzip")], body=BOMB)
    attempt = attempt_of_test_call(account, make_receiver(bomb).url())
    assert attempt["error"] is None and attempt["response_truncated"]


@pytest.mark.parametrize("url", [
    "/" + "a" * 1900, "/%00%ff%zz", "/?" + "&" * 500, "/../../etc/passwd", "/;a=b?c#d", "/päth", "//x//y", "/a b",
])
def test_odd_urls(account, make_receiver, url):
    receiver = make_receiver()
    answer = account.post("/webhooks", {"name": "x", "url": receiver.url(url), "events": ["contact.created"]})
    assert answer.status in (201, 422)
    if answer.status == 201:
        assert account.post(f"/webhooks/{answer.data['id']}/test").data["status"] == "delivered"


def check_deadlines(account, webhook, held_up_s):
    """Every attempt ended by its deadline and a second, and for as long as the machine was held up."""
    durations = sorted(attempt["duration_ms"] for entry in account.deliveries(webhook, "?per_page=100")
                       for attempt in account.detail(webhook, entry["delivery_id"])["attempts"])
    print(f"{webhook['url']}: median {statistics.median(durations)} ms, at most {durations[-1]} ms; held up for {held_up_s * 1000:.0f} ms")
    assert durations[-1] <= (IN_TIME_S + held_up_s) * 1000, (webhook["url"], durations)


def test_all_of_it_at_once_leaves_memory_bounded(make_server, make_receiver):
    server = make_server("--timeout", f"{TIMEOUT_S}s", "--retry-schedule", "100ms,100ms", "--rate-limit", "0",
                         SKYHOOK_LOG="info")
    account = server.account()
    for answer, _ in POISON.values():
        account.webhook(make_receiver(answer).url())
    good = make_receiver()
    account.webhook(good.url())
    process = server.process.pid
    before = server.rss_mib()
    peak = [before]
    held_up_s = [0]
    done = threading.Event()

    def watch():
        pause_s, paused = 0.05, time.monotonic()
        while not done.wait(pause_s):
            held_up_s[0] = max(held_up_s[0], time.monotonic() - paused - pause_s)
            peak[0] = max(peak[0], server.rss_mib())
            paused = time.monotonic()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(EVENTS):
            account.publish(data={"n": number})
        good.wait(EVENTS, timeout=30)
        for webhook in account.get("/webhooks").data[:-1]:
            account.settled(webhook, "failed", EVENTS, timeout=120)
            check_deadlines(account, webhook, held_up_s[0])
    finally:
        done.set()
        watcher.join()
    assert server.process.poll() is None and server.process.pid == process
    if not SANITIZED:
        assert peak[0] - before < 64, f"{before:.0f} MiB before, {peak[0]:.0f} MiB at most"


# --- TLS that fails, in every way ---------------------------------------------------------------------


def garbage(sock):
    sock.sendall(b"\x16\x03\x03\xff\xff" + b"\xee" * 4096)


def alert(sock):
    sock.recv(4096)
    sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure


def half_a_hello(sock):
    sock.recv(4096)
    sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00")
    sock.shutdown(socket.SHUT_WR)
    sock.recv(4096)


def reset_the_hello(sock):
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never_says_hello(sock):
    while sock.recv(4096):
        pass


def hello_a_byte_a_time(sock):
    for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 1000:
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


BROKEN_HANDSHAKES = {
    garbage: {"tls"}, alert: {"tls"}, half_a_hello: {"tls", "reset"}, reset_the_hello: {"tls", "reset"},
    never_says_hello: {"timeout"}, hello_a_byte_a_time: {"tls", "timeout"},
}


@pytest.fixture
def raw_listener():
    """Listens, and does to each connection what it is told; its port."""
    made = []

    def listen(behaviour):
        listener = socket.create_server(("127.0.0.1", 0))
        made.append(listener)

        def serve():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                try:
                    behaviour(sock)
                except OSError:
                    pass  # the sender had enough
                sock.close()

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield listen
    for listener in made:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("behaviour", BROKEN_HANDSHAKES, ids=lambda one: one.__name__)
def test_a_broken_handshake(account, raw_listener, behaviour):
    attempt = attempt_of_test_call(account, f"https://127.0.0.1:{raw_listener(behaviour)}/")
    assert attempt["error"] in BROKEN_HANDSHAKES[behaviour]
    assert attempt["response_status_code"] is None


@pytest.fixture(scope="session")
def bad_certificates(authority):
    def client_wanted():
        context = authority.context("client-wanted")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.file)
        return context

    return {
        "another name": authority.context("poison-name", names=["other.example.com"]),
        "expired": authority.context("poison-expired", days_from=-20, days_until=-1),
        "not yet valid": authority.context("poison-future", days_from=5, days_until=10),
        "signed by itself": authority.context("poison-self", self_signed=True),
        "TLS 1.1 at most": authority.context("poison-1-1", maximum_version=ssl.TLSVersion.TLSv1_1),
        "a client's certificate wanted": client_wanted(),
    }


@pytest.mark.parametrize("kind", ["another name", "expired", "not yet valid", "signed by itself", "TLS 1.1 at most",
                                  "a client's certificate wanted"])
def test_a_bad_certificate(account, make_receiver, bad_certificates, kind):
    receiver = make_receiver(tls=bad_certificates[kind])
    attempt = attempt_of_test_call(account, receiver.url())
    # In TLS 1.3 the server asks for a certificate only after the client's handshake is done.
    assert attempt["error"] in ({"tls", "reset"} if kind == "a client's certificate wanted" else {"tls"})
    assert not receiver.requests, "nothing is sent"
