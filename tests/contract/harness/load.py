"""Load: numbered events that are published without a pause, and what came of each."""

import collections
import http.client
import json
import threading
import time

from .http import KeptConnection


class Publisher:
    """Publishes numbered events through some servers, each thread on a connection that it keeps, until stopped; knows which were
    accepted. A server that is not there is tried again. `pause`: seconds after each event, where a receiver is to keep up.
    `taken`: what the receiver has taken; then never more than `ahead` before it, so that how long the rest takes in the end does
    not depend on which of the two the machine favours."""

    def __init__(self, servers, account_id, threads=4, pause=0, taken=None, ahead=500):
        self.pause = pause
        self.taken = taken
        self.ahead = ahead
        self.accepted = set()
        self.refused = []  # status and Retry-After of what was not accepted
        self.cut = []  # answers that ended in the middle
        self.by_server = collections.Counter()  # how many each accepted, by its port
        self.slowest_s = 0  # until one was accepted, which is when it is durable
        self.lock = threading.Lock()
        self.number = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.publish, args=(servers[i % len(servers)], account_id))
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def publish(self, server, account_id):
        headers = {"Authorization": f"Bearer {server.operator_token}", "Content-Type": "application/json"}
        connection = KeptConnection(server.port, server.host)
        while not self.stopped.is_set():
            if self.is_ahead():
                self.stopped.wait(0.01)
                continue
            with self.lock:
                self.number += 1
                number = self.number
            body = json.dumps({"event": "contact.created", "data": {"n": number}})
            began = time.monotonic()
            try:
                answer = connection.request("POST", f"/operator/v1/accounts/{account_id}/events", body, headers)
            except (OSError, http.client.HTTPException) as error:
                # Closed before an answer began: RemoteDisconnected, which is an OSError.
                if not isinstance(error, OSError):
                    self.cut.append(error)
                connection.close()
                connection = KeptConnection(server.port, server.host)
                self.stopped.wait(0.01)
                continue
            with self.lock:
                if answer.status == 202:
                    self.accepted.add(number)
                    self.by_server[server.port] += 1
                    self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                else:
                    self.refused.append((answer.status, answer.headers.get("retry-after")))
            if self.pause:
                self.stopped.wait(self.pause)
        connection.close()

    def is_ahead(self):
        return self.taken is not None and len(self.accepted) - len(self.taken) >= self.ahead

    def accepted_by(self, server):
        return self.by_server[server.port]

    def assert_refused_politely(self):
        """What was not accepted was refused for a while, and nothing worse."""
        assert self.refused
        assert all(code == 503 and int(after) >= 1 for code, after in self.refused), self.refused

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def numbers(receiver):
    return [request.json["data"]["n"] for request in list(receiver.requests)]
