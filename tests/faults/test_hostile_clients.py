"""Slow or hostile API clients: others are served, and the limits are the named ones."""

import contextlib
import resource
import select
import socket
import threading
import time

import pytest
from harness.http import raw_exchange
from harness.polling import eventually, quickest
from harness.server import SANITIZED

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 16 * 1024 * 1024
QUICK = 10 if SANITIZED else 3


def served(server):
    """How long a good client's requests took; at best, where the machine was held up."""

    def measure():
        started = time.monotonic()
        assert server.request("GET", "/healthz").status == 200
        assert server.operator("GET", "/accounts").status == 200
        return time.monotonic() - started

    return quickest(measure, QUICK)


@pytest.fixture
def connect(server):
    made = []

    def one(data=b""):
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        made.append(sock)
        if data:
            sock.sendall(data)
        return sock

    yield one
    for sock in made:
        sock.close()


def test_slowloris(server, connect):
    """Three hundred clients that send a byte of their head now and then, and never end it."""
    slow = [connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ") for _ in range(300)]
    worst = 0
    for _ in range(10):
        for sock in slow:
            try:
                sock.sendall(b"a")
            except OSError:
                pass  # closed for its slowness: also an answer
        worst = max(worst, served(server))
    assert worst < QUICK


def test_a_head_that_never_ends_is_given_up(make_server):
    """The head has 10 s from its first byte."""
    server = make_server()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
        assert 8 < time.monotonic() - started < 20
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408")


def test_ten_thousand_idle_connections(make_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 10_000
    if hard < count + 500:
        pytest.skip(f"this process may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = make_server("--max-connections", str(count), SKYHOOK_LOG="info")
    before = server.rss_mib()
    idle = []
    try:
        for _ in range(count + 200):  # past the limit, the longest-idle one gives way
            idle.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        assert served(server) < QUICK
        if not SANITIZED:
            assert server.rss_mib() - before < 60, "an idle connection costs little"
    finally:
        for sock in idle:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert served(server) < QUICK


def test_the_limit_of_connections_is_that_of_all_network_threads(make_server):
    limit, count = 12, 60
    server = make_server("--max-connections", str(limit), "--network-threads", "3")
    with contextlib.ExitStack() as sockets:
        left = {sockets.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(count)}

        def those_that_gave_way():
            readable = select.select(left, [], [], 0)[0]
            left.difference_update(sock for sock in readable if sock.recv(1) == b"")
            return len(left) <= limit

        eventually(those_that_gave_way, what="no more connections than the limit")
        assert served(server) < QUICK


def test_half_requests(server, connect):
    for cut in range(1, 60, 3):
        sock = connect((b"POST /operator/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")[:cut])
        sock.shutdown(socket.SHUT_WR)
    for _ in range(50):
        connect(b"POST /operator/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert served(server) < QUICK


def test_many_requests_in_one_go(server):
    """Pipelined: answered one after the other, in order, none lost."""
    count = 2000
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw_exchange(server.port, request * count, timeout=30)
    assert answer.count(b"HTTP/1.1 200") == count
    assert served(server) < QUICK


@pytest.mark.parametrize("data, status", [
    (b"GET /" + b"a" * HEAD_LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_LIMIT + b"\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * HEAD_LIMIT + b"\r\n", b"431"),
    (b"POST /operator/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    (b"POST /operator/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", b"400"),
])
def test_oversized(server, data, status):
    answer = raw_exchange(server.port, data)
    assert answer.split(b" ", 2)[1:2] == [status], answer[:200]
    assert served(server) < QUICK


def test_a_body_over_the_limit_does_not_fill_the_memory(make_server):
    server = make_server(SKYHOOK_LOG="info")
    served(server)
    before = server.rss_mib()

    def push():
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
            sock.sendall(b"POST /operator/v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(64):
                    sock.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            except OSError:
                pass  # it was told 413 and closed

    pushers = [threading.Thread(target=push) for _ in range(8)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join()
    assert served(server) < QUICK
    if not SANITIZED:
        assert server.rss_mib() - before < 8 * BODY_LIMIT / 2**20 + 40


def test_clients_that_do_not_read(server, connect, account):
    """Answers that nobody takes wait in their own connection, not in the way of others."""
    request = (f"GET /api/v1/webhooks/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: {account.key}\r\n\r\n").encode()
    for _ in range(30):
        sock = connect()
        sock.settimeout(0.2)
        try:
            for _ in range(3000):
                sock.sendall(request)
        except TimeoutError:
            pass
    eventually(lambda: served(server) < QUICK, 120 if SANITIZED else 30, "a good client served as usual")
