"""A receiver on raw sockets that does what a test tells it, well-behaved or not, and keeps every
request as it came: head, headers, body, time."""

import functools
import itertools
import json
import select
import socket
import ssl
import struct
import threading
import time

from .polling import GUARD_S, eventually
from .ports import free_port


class Request:
    def __init__(self, head, body, connection, started):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.head = head
        self.body = body
        self.connection = connection  # number of the connection, from 1
        self.started = started  # monotonic, when the first byte was there
        self.unix_time = time.time()
        self.answered = None  # monotonic, just before the answer went out, or after it where it came in pieces

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    @functools.cached_property
    def json(self):
        return json.loads(self.body)

    @property
    def delivery_id(self):
        return self.header("X-Skylight-Delivery")


class Connection:
    """What an answer needs of a connection."""

    def __init__(self, receiver, sock, number):
        self.receiver = receiver
        self.socket = sock
        self.number = number

    def send(self, data):
        self.socket.sendall(data)

    def pause(self, seconds):
        """Waits; raises when the receiver is closed meanwhile, or the sender has gone."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.receiver.closing.wait(min(0.02, max(0.0, deadline - time.monotonic()))):
                raise ConnectionAbortedError("the receiver is closed")
            if self.sender_gone():
                raise ConnectionAbortedError("the sender is gone")

    def sender_gone(self):
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        # Past the TLS layer, which knows no peeking.
        return socket.socket.recv(self.socket, 1, socket.MSG_PEEK) == b""


# --- answers: each is called with the connection and the request; True keeps the connection -------


def status(code, headers=(), body=b"ok", delay=0.0, keep=True):
    def answer(connection, request):
        if delay:
            connection.pause(delay)
        head = f"HTTP/1.1 {code} Status\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        if not keep:
            head += "Connection: close\r\n"
        if code == 204:
            head = head.replace(f"Content-Length: {len(body)}\r\n", "")
        # Not afterwards: the sender may be quicker than this thread, and must not seem too early.
        request.answered = time.monotonic()
        connection.send(head.encode("latin-1") + b"\r\n" + (b"" if code == 204 else body))
        return keep

    return answer


def redirect(location, code=302):
    return status(code, headers=[("Location", location)], body=b"")


def chunked(*chunks):
    def answer(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        connection.send(b"0\r\n\r\n")
        return True

    return answer


def until_close(body):
    """An answer without a length: it ends with the connection."""

    def answer(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        return False

    return answer


def raw(data):
    def answer(connection, _request):
        connection.send(data)
        return False

    return answer


def reset(connection, _request):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def close_early(connection, _request):
    return False


def cut_body(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this much")
    return False


def hang(connection, _request):
    connection.pause(60)
    return False


def slow_headers(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        connection.pause(0.1)
        connection.send(b"X-Slow-%d: 1\r\n" % number)


def slow_body(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.pause(0.1)
        connection.send(b".")


def endless_body(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    while not connection.receiver.closing.is_set():
        connection.send(chunk)
    return False


def endless_headers(connection, _request):
    connection.send(b"HTTP/1.1 200 OK\r\n")
    line = b"X-Filler: " + b"y" * 1000 + b"\r\n"
    while not connection.receiver.closing.is_set():
        connection.send(line * 16)
    return False


class Held:
    """An answer that waits until it is let go: what is to happen while an attempt is under way has all the time it takes."""

    def __init__(self, answer):
        self.answer = answer
        self.released = threading.Event()

    def __call__(self, connection, request):
        while not self.released.is_set():
            connection.pause(0.02)
        return self.answer(connection, request)

    def let_go(self):
        self.released.set()


class Receiver:
    """`answers` are given one a request, the last one for all that follow. With `listening=False` its
    port is closed, though nobody else's, until open() is called. No other test gets the port after its end: a retry that is
    still to come would meet a stranger."""

    def __init__(self, *answers, tls=None, host="127.0.0.1", name=None, greeting=b"", listening=True):
        self.answers = list(answers) or [status(200)]
        self.tls = tls
        self.greeting = greeting  # sent as soon as the connection is there
        self.requests = []
        self.connections = 0
        self.open_connections = 0
        self.last_peer = None  # who was accepted last
        self.handshake_failures = 0
        self.in_progress = 0
        self.most_in_progress = 0
        self.cut = 0  # requests that ended in the middle, and answers that nobody took
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._host = host
        self._name = name or host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self._listener.bind((host, self.port))
        if listening:
            self.open()

    def open(self):
        self._listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/hook", host=None):
        name = host or self._name
        name = f"[{name}]" if ":" in name else name
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}{path}"

    def answer_with(self, *answers):
        with self._lock:
            self.answers = list(answers)

    def wait(self, count=1, timeout=GUARD_S):
        """The first `count` requests."""
        eventually(lambda: len(self.requests) >= count, timeout,
                   f"request {count} (came: {len(self.requests)})")
        return self.requests[:count]

    def drain(self):
        """Until all is taken that a sender who has ended had sent: on the connections that are open, and on those that wait to be
        accepted, of which the one that is made here is the last."""
        with socket.create_connection((self._host, self.port)) as last:
            eventually(lambda: self.last_peer == last.getsockname(), what="every connection accepted")
        eventually(lambda: self.open_connections == 0, what="every connection read to its end")

    def close(self):
        self.closing.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open_connections += 1
                self.last_peer = peer
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        sock.settimeout(30)
        try:
            if self.greeting:
                sock.sendall(self.greeting)
            if self.tls:
                try:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                except OSError:
                    with self._lock:
                        self.handshake_failures += 1
                    return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, number)
            buffer = b""
            while not self.closing.is_set():
                request, buffer = self._read(sock, buffer, number)
                if request is None:
                    with self._lock:
                        self.cut += bool(buffer)
                    return
                with self._lock:
                    self.requests.append(request)
                    self.in_progress += 1
                    self.most_in_progress = max(self.most_in_progress, self.in_progress)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                try:
                    keep = answer(connection, request)
                except OSError:
                    with self._lock:
                        self.cut += not self.closing.is_set()
                    raise
                finally:
                    with self._lock:
                        self.in_progress -= 1
                request.answered = request.answered or time.monotonic()
                if not keep:
                    return
        except OSError:
            pass
        finally:
            sock.close()
            with self._lock:
                self.open_connections -= 1

    @staticmethod
    def _read(sock, buffer, number):
        started = None
        while b"\r\n\r\n" not in buffer:
            chunk = sock.recv(65536)
            if not chunk:
                return None, buffer
            started = started or time.monotonic()
            buffer += chunk
        head, rest = buffer.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(rest) < length:
            chunk = sock.recv(65536)
            if not chunk:
                return None, buffer
            rest += chunk
        return Request(head, rest[:length], number, started or time.monotonic()), rest[length:]


_closed = []


def closed_port():
    """A port on which nothing listens, and nobody will: it stays bound while the tests run."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    _closed.append(sock)
    return sock.getsockname()[1]
