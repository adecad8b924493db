"""The address guard against names that change their answer, mixed answers, and every literal of the corpus: nothing is
connected to, as a listener that counts tells."""

import ipaddress
import itertools
import pathlib
import socket

import pytest
from harness.receiver import status
from harness.server import LOCAL

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "unit" / "net" / "address_corpus.txt"
PUBLIC = "93.184.215.14"


def corpus(verdict):
    for line in CORPUS.read_text().splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0] == verdict:
            yield words[1]


@pytest.fixture
def listeners(make_receiver):
    """Counting listeners on IPv4 and IPv6 loopback, on one port each."""
    return [make_receiver(), make_receiver(host="::1")]


@pytest.fixture
def attack(make_server, names, authority):
    """An https-only server without exemptions, whose names the test answers."""
    server = make_server("--timeout", "2s", "--dns-servers", names.address, "--rate-limit", "0", local=False)
    return server.account()


def connections(listeners):
    return sum(listener.connections for listener in listeners)


def error_of_test_call(account, url):
    answer = account.post("/webhooks", {"name": "x", "url": url, "events": ["contact.created"]})
    if answer.status == 422:
        return "refused"
    assert answer.status == 201, answer
    webhook = answer.data
    entry = account.post(f"/webhooks/{webhook['id']}/test").data
    (attempt,) = account.detail(webhook, entry["delivery_id"])["attempts"]
    return attempt["error"]


def test_every_literal_of_the_corpus(attack, listeners):
    hosts = list(corpus("refuse"))
    assert len(hosts) >= 60
    for host, listener in itertools.product(hosts, listeners):
        for form in {host, f"[{host}]"} if ":" in host and not host.startswith("[") else {host}:
            error = error_of_test_call(attack, f"https://{form}:{listener.port}/")
            assert error in ("refused", "blocked_address", "dns"), (form, error)
    assert connections(listeners) == 0


def test_names_that_answer_with_what_is_refused(attack, names, listeners):
    addresses = []
    for host in corpus("refuse"):
        try:
            addresses.append(str(ipaddress.ip_address(host.strip("[]"))))
        except ValueError:
            continue
    assert len(addresses) >= 30
    for number, address in enumerate(addresses):
        name = f"inside-{number}.attack.example.com"
        names.answers[name] = [address]
        assert error_of_test_call(attack, f"https://{name}:{listeners[0].port}/") == "blocked_address", address
    assert connections(listeners) == 0


@pytest.mark.parametrize("bad", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_mixed_answers(attack, names, listeners, bad):
    name = f"mixed-{bad.replace(':', '-').replace('.', '-')}.attack.example.com".replace("--", "-x-")
    names.answers[name] = [PUBLIC, bad]
    assert error_of_test_call(attack, f"https://{name}:{listeners[0].port}/") == "blocked_address"
    names.answers[name] = [bad, PUBLIC]
    assert error_of_test_call(attack, f"https://{name}:{listeners[1].port}/") == "blocked_address"
    assert connections(listeners) == 0


def test_an_answer_that_changes_between_look_ups(attack, names, listeners):
    """Rebinding: public for one look-up, loopback for the next. Each look-up is judged by itself, and what is judged is what is
    dialled."""
    name = "rebinding.attack.example.com"
    turns = itertools.cycle([["127.0.0.1"], ["::1"], ["127.0.0.1", PUBLIC], ["::ffff:127.0.0.1"]])
    names.answers[name] = lambda: next(turns)
    for _ in range(12):
        assert error_of_test_call(attack, f"https://{name}:{listeners[0].port}/") in ("blocked_address", "dns")
    assert connections(listeners) == 0


def test_an_allowed_address_that_turns_into_a_refused_one(make_server, make_receiver, names, authority):
    """Rebinding past a first look-up that was in order: the allowed address is dialled for as long as the name says so; the other one, on
    the same port, never. No connection is kept over the change: each attempt looks up the name."""
    name = "turning.attack.example.com"
    certificate = authority.context("turning", names=[name])
    allowed = make_receiver(status(200, keep=False), tls=certificate, host="127.0.0.2")
    refused = socket.create_server(("127.0.0.1", allowed.port))
    refused.setblocking(False)
    server = make_server("--timeout", "2s", "--dns-servers", names.address, "--rate-limit", "0",
                         "--allow-network", "127.0.0.2/32", local=False)
    account = server.account()
    answers = itertools.cycle([["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.2"]])
    url = f"https://{name}:{allowed.port}/"
    try:
        for expected in [None, "blocked_address", "blocked_address", None] * 3:
            names.answers[name] = next(answers)
            assert error_of_test_call(account, url) == expected, names.answers[name]
        turns = itertools.cycle([["127.0.0.2"], ["127.0.0.1"]])
        names.answers[name] = lambda: next(turns)  # another one for each question, so also within one attempt
        for _ in range(20):
            assert error_of_test_call(account, url) in (None, "blocked_address", "dns")
        with pytest.raises(BlockingIOError):
            refused.accept()
    finally:
        refused.close()
    assert allowed.connections >= 6


def test_the_listeners_do_count(make_server, listeners):
    """The same URLs reach them where the networks are exempt: the tests above can fail."""
    account = make_server(*LOCAL, "--allow-network", "::1/128", local=False).account()
    for listener in listeners:
        answer = account.post("/webhooks", {"name": "x", "url": listener.url(), "events": ["contact.created"]})
        assert answer.status == 201, answer
        assert account.post(f"/webhooks/{answer.data['id']}/test").data["status"] == "delivered"
    assert connections(listeners) == 2
