"""A name server on loopback that answers what a test says, and may change its mind."""

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28


class NameServer:
    """`answers[name]` is a list of addresses, or a function that makes one for each look-up."""

    def __init__(self):
        self.answers = {}
        self.questions = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self._socket.getsockname()[1]

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            try:
                answer = self._answer(query)
            except (IndexError, struct.error, UnicodeDecodeError):
                continue
            try:
                self._socket.sendto(answer, peer)
            except OSError:
                return

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
            at += 1 + query[at]
        question = query[12 : at + 5]
        kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        known = self.answers.get(name)
        addresses = known() if callable(known) else known
        records = b""
        count = 0
        for text in addresses or []:
            address = ipaddress.ip_address(text)
            if kind != (A if address.version == 4 else AAAA):
                continue
            records += struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(address.packed))
            records += address.packed
            count += 1
        code = 0 if known is not None else 3  # NXDOMAIN
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0)
        return head + question + records
