"""The rate limit of a key counts over all nodes, to within a tenth."""

import threading
import time

import pytest
from harness.cluster import account_on
from harness.polling import eventually

LIMIT = 100


def hammer(nodes, account, requests, threads=8):
    """As many requests as quickly as possible, dealt over the nodes; the answers."""
    answers = []

    def ask(first):
        for i in range(first, requests, threads):
            there = account_on(nodes[i % len(nodes)], account)
            answers.append(there.get("/webhooks/events"))

    running = [threading.Thread(target=ask, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return answers


def within_one_minute(nodes, ask):
    """The answers of `ask(account)`, all of one window: another account where it ended meanwhile."""
    for _ in range(5):
        account = nodes[0].account()
        for node in nodes[1:]:
            known_key(node, account)
        answers = ask(account)
        if len({answer.headers["x-ratelimit-reset"] for answer in answers}) == 1:
            return answers
    raise AssertionError("no minute was long enough")


def known_key(node, account):
    """Until another node knows the key: its requests count only then."""
    eventually(lambda: node.operator("GET", f"/accounts/{account.id}").status == 200, what="the key")


@pytest.mark.parametrize("count", [2, 3])
def test_a_burst_over_all_nodes(make_cluster, count):
    cluster = make_cluster()
    nodes = [cluster.node("--rate-limit", str(LIMIT)) for _ in range(count)]
    answers = within_one_minute(nodes, lambda account: hammer(nodes, account, 3 * LIMIT))
    allowed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(allowed) + len(refused) == len(answers)
    assert LIMIT <= len(allowed) <= LIMIT * 1.1
    assert all(answer.headers["x-ratelimit-remaining"] == "0" for answer in refused)
    for answer in refused:
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json["retry_after"] == int(answer.headers["retry-after"])


def test_what_is_left_is_told_alike_on_every_node(make_cluster):
    cluster = make_cluster()
    one, two = nodes = [cluster.node("--rate-limit", str(LIMIT)) for _ in range(2)]

    def ask(account):
        answers = [one_by_one(one, account) for _ in range(LIMIT // 2)]
        # A second later or so, the other node knows.
        while remaining(answers[-1]) != LIMIT - len(answers) or len(answers) <= LIMIT // 2:
            time.sleep(0.2)
            answers.append(one_by_one(two, account))
            if len(answers) == LIMIT - 20:
                break
        return answers + [one_by_one(two, account) for _ in range(LIMIT - 10 - len(answers))]

    def one_by_one(node, account):
        return account_on(node, account).get("/webhooks/events")

    def remaining(answer):
        return int(answer.headers["x-ratelimit-remaining"])

    answers = within_one_minute(nodes, ask)
    assert all(answer.status == 200 for answer in answers)
    told = [remaining(answer) for answer in answers]
    here, there = LIMIT // 2, LIMIT - 20
    assert told[:here] + told[there:] == [*range(LIMIT - 1, here - 1, -1), *range(19, 9, -1)]


def test_without_the_database_a_node_counts_alone(own_database, make_cluster):
    server = own_database()
    cluster = make_cluster(server)
    nodes = [cluster.node("--rate-limit", str(LIMIT)) for _ in range(2)]
    account = nodes[0].account()
    known_key(nodes[1], account)
    server.script("stop")
    started = time.monotonic()
    answers = hammer(nodes[:1], account, 2 * LIMIT)
    assert time.monotonic() - started < 30, "nobody waits for a database that is away"
    if len({answer.headers["x-ratelimit-reset"] for answer in answers}) == 1:
        assert sum(answer.status == 200 for answer in answers) == LIMIT
    server.script("run")
    # Then together again: a new account's burst over both is one limit.
    eventually(lambda: all(node.request("GET", "/readyz").status == 200 for node in nodes))
    time.sleep(1.5)
    answers = within_one_minute(nodes, lambda account: hammer(nodes, account, 3 * LIMIT))
    assert LIMIT <= sum(answer.status == 200 for answer in answers) <= LIMIT * 1.1
