"""Load: numbered events that are published without a pause, and what came of each."""

import http.client
import json
import threading

from .http import KeptConnection


class Publisher:
    """Publishes numbered events through some servers, each thread on a connection that it keeps, until stopped; knows which were
    accepted. A server that is not there is tried again."""

    def __init__(self, servers, account_id, threads=4):
        self.accepted = set()
        self.refused = []  # status and Retry-After of what was not accepted
        self.cut = []  # answers that ended in the middle
        self.lock = threading.Lock()
        self.number = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.publish, args=(servers[i % len(servers)], account_id))
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def publish(self, server, account_id):
        headers = {"Authorization": f"Bearer {server.operator_token}", "Content-Type": "application/json"}
        connection = KeptConnection(server.port)
        while not self.stopped.is_set():
            with self.lock:
                self.number += 1
                number = self.number
            body = json.dumps({"event": "contact.created", "data": {"n": number}})
            try:
                answer = connection.request("POST", f"/operator/v1/accounts/{account_id}/events", body, headers)
            except (OSError, http.client.HTTPException) as error:
                # Closed before an answer began: RemoteDisconnected, which is an OSError.
                if not isinstance(error, OSError):
                    self.cut.append(error)
                connection.close()
                connection = KeptConnection(server.port)
                self.stopped.wait(0.01)
                continue
            with self.lock:
                if answer.status == 202:
                    self.accepted.add(number)
                else:
                    self.refused.append((answer.status, answer.headers.get("retry-after")))
        connection.close()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def numbers(receiver):
    return [request.json["data"]["n"] for request in list(receiver.requests)]
