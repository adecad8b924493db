"""Several nodes on one PostgreSQL, and what they are told."""

import signal

from .polling import eventually
from .server import LOCAL, Account, Skyhook, close_all
from .stores import PostgresServer, PostgresStore

TAKE_OVER_S = 15  # what a node owned goes on elsewhere at most this long after its end


class Cluster:
    """Nodes of one database, started and stopped one by one."""

    def __init__(self, directory, server):
        self.directory = directory
        self.store = PostgresStore(directory, server)
        self.server = server
        self.nodes = []

    def node(self, *arguments, start=True, store=None, network=None):
        """`store`: the database as this node reaches it. `network`: a Namespace to run it in."""
        # As variables, so that a test's own flags win.
        settings = {"SKYHOOK_LOG": "info", "SKYHOOK_RATE_LIMIT": "0",
                    "SKYHOOK_RETRY_SCHEDULE": "300ms,1s,2s,5s,5s,5s"}
        node = Skyhook(self.directory / f"node-{len(self.nodes) + 1}", [*LOCAL, *arguments],
                       settings, store or self.store)
        if network:
            network.take_in(node)
        if self.nodes:
            node.operator_token = self.nodes[0].operator_token
            node.environment["SKYHOOK_OPERATOR_TOKEN"] = node.operator_token
        self.nodes.append(node)
        return node.start() if start else node

    def close(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
        close_all(self.nodes)


def account_on(node, original):
    """The same account, asked through another node."""
    return Account(node, original.id, original.key)


def known_on(node, original):
    """The account on another node, once its webhook is known there."""
    there = account_on(node, original)

    def known():
        answer = there.get("/webhooks")
        return answer.status == 200 and answer.data

    eventually(known, what="the webhook on the other node")
    return there
