"""A small HTTP proxy that tunnels (CONNECT), and keeps what it is asked."""

import socket
import threading


class Proxy:
    """`answer`: what it says in place of opening a tunnel, for as long as it is set."""

    def __init__(self, authorization=None, answer=None, host="127.0.0.1", listening=True):
        self.authorization = authorization  # the value that it wants, if any
        self.answer = answer
        self.hangs_up_on = set()  # ports of targets
        self.heads = []  # of each request, in order, as it came
        self.tunnels = 0
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        if listening:
            self.open()

    def open(self):
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for sock in [self._listener, *self._open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    @property
    def targets(self):
        """What CONNECT named, in order."""
        return [head.split(" ")[1] for head in self.heads]

    def _accept(self):
        while True:
            try:
                sock, _peer = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, client):
        try:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                head += byte
            self.heads.append(head.decode("latin-1"))
            if self.answer is not None:
                return client.sendall(self.answer)
            if self.authorization and f"\r\nProxy-Authorization: {self.authorization}\r\n" not in self.heads[-1]:
                return client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
            method, target, _version = self.heads[-1].split("\r\n")[0].split(" ")
            assert method == "CONNECT"
            host, _, port = target.rpartition(":")
            if int(port) in self.hangs_up_on:
                return
            try:
                server = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
            except OSError:
                return client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            self._open.append(server)
            self.tunnels += 1
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n")
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()
        except OSError:
            pass
        finally:
            client.close()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
