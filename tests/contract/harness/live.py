"""Reads a live stream of deliveries: server-sent events (WHATWG HTML, "Server-sent events")."""

import http.client
import json
import socket
import threading

from .polling import GUARD_S, eventually


class Event:
    def __init__(self, kind, data, event_id):
        self.kind = kind
        self.data = json.loads(data)
        self.id = event_id


class LiveStream:
    """One open stream; `events` grows as they come."""

    def __init__(self, account, webhook, last_event_id=None, headers=None, base="/api/v1"):
        self.events = []
        self.last_id = None  # of whatever came last, an event or not
        self.ended = threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", account.server.port, timeout=60)
        self.connection.connect()
        self.socket = self.connection.sock
        headers = {"Authorization": f"Bearer {account.key}", **(headers or {})}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self.connection.request("GET", f"{base}/webhooks/{webhook['id']}/deliveries/stream",
                                headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.reader = threading.Thread(target=self.read, daemon=True)
        if self.status == 200:
            self.reader.start()
            eventually(lambda: self.last_id, what="the stream's first words")

    def header(self, name):
        return self.answer.getheader(name)

    def read(self):
        fields = {}
        try:
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                    continue
                if "data" in fields:
                    self.events.append(Event(fields.get("event", "message"), fields["data"],
                                             fields.get("id")))
                self.last_id = fields.get("id", self.last_id)
                fields = {}
        except (OSError, AttributeError, ValueError, http.client.HTTPException):
            pass  # closed, here or there
        self.ended.set()

    def entries(self):
        return [event.data for event in self.events if event.kind == "delivery"]

    def wait(self, check, timeout=GUARD_S, what="the event"):
        """The first event that `check` accepts."""
        return eventually(lambda: next(filter(check, list(self.events)), None), timeout, what)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # which ends the reading
        except OSError:
            pass  # it is closed already
        if self.reader.is_alive():
            self.reader.join()
        self.connection.close()
