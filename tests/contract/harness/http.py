"""A small HTTP client that hides nothing: exact bytes out, exact bytes in."""

import http.client
import json
import socket


def _object(pairs):
    fields = dict(pairs)
    assert len(fields) == len(pairs), f"a field comes twice: {[name for name, _ in pairs]}"
    return fields


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        """The body; objects keep the order of their fields, and have each once."""
        return json.loads(self.body, object_pairs_hook=_object)

    @property
    def data(self):
        return self.json["data"]

    @property
    def message(self):
        return self.json["message"]

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


def request(port, method, path, body=None, headers=None, timeout=30, host="127.0.0.1"):
    """One request on a connection of its own. `body` is bytes; nothing is added but Host and length."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Response(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def raw_exchange(port, data, timeout=30):
    """Sends bytes as they are and returns all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        chunks = []
        try:
            while chunk := connection.recv(65536):
                chunks.append(chunk)
        except ConnectionResetError:
            pass
        return b"".join(chunks)


class KeptConnection:
    """Requests one after another on one connection, for load."""

    def __init__(self, port, host="127.0.0.1", timeout=30):
        self.connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def request(self, method, path, body, headers):
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return Response(answer.status, answer.getheaders(), answer.read())

    def close(self):
        self.connection.close()
