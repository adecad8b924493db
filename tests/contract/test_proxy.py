"""Deliveries through an HTTP proxy: it is told the address that was judged, never the name."""

import base64
import socket
import ssl
import types

import pytest
from harness.polling import eventually, remains
from harness.proxy import Proxy
from harness.receiver import closed_port, status

NAME = "hooks.skyhook-proxy.example.com"


@pytest.fixture
def make_proxy():
    made = []

    def make(*arguments, **keywords):
        made.append(Proxy(*arguments, **keywords))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def make_proxied(make_server, names):
    def make(proxy, *arguments, credentials="", host="127.0.0.1", **environment):
        return make_server("--dns-servers", names.address, *arguments,
                           SKYHOOK_PROXY=f"http://{credentials}{host}:{proxy.port}",
                           **{"SKYHOOK_RETRY_SCHEDULE": "none", **environment})

    return make


def failure_of(account, url):
    """The error of one attempt at that URL, and its detail."""
    webhook = account.webhook(url)
    delivery = account.post(f"/webhooks/{webhook['id']}/test").data
    assert delivery["status"] == "failed"
    [attempt] = account.detail(webhook, delivery["delivery_id"])["attempts"]
    return attempt["error"], attempt["error_detail"]


def test_the_proxy_is_told_the_address_and_the_receiver_the_name(make_proxied, make_proxy, make_receiver, authority, names):
    context = authority.context("proxied", names=[NAME])
    asked_for = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    receiver, proxy = make_receiver(tls=context, name=NAME), make_proxy()
    names.answers[NAME] = ["127.0.0.1"]
    account = make_proxied(proxy).account()
    webhook = account.webhook(receiver.url())
    for number in range(5):
        account.publish(data={"n": number})
        account.settled(webhook, "delivered", number + 1)
    assert proxy.targets == [f"127.0.0.1:{receiver.port}"], "one tunnel for all, since it is kept"
    assert proxy.heads[0].split("\r\n")[1] == f"Host: 127.0.0.1:{receiver.port}"
    assert NAME not in "".join(proxy.heads) and "Proxy-Authorization" not in proxy.heads[0]
    assert asked_for == [NAME]
    assert receiver.connections == proxy.tunnels == 1
    assert {request.header("Host") for request in receiver.requests} == {f"{NAME}:{receiver.port}"}


def test_the_certificate_is_verified_by_the_name(make_proxied, make_proxy, make_receiver, authority, names):
    # It would do for the address that the proxy is told.
    receiver = make_receiver(tls=authority.context("other", names=["127.0.0.1", "other.example.com"]), name=NAME)
    names.answers[NAME] = ["127.0.0.1"]
    account = make_proxied(make_proxy()).account()
    error, detail = failure_of(account, receiver.url())
    assert (error, detail) == ("tls", "hostname mismatch")
    assert receiver.requests == []


def test_plain_http_goes_through_a_tunnel_too(make_proxied, make_proxy, make_receiver, names):
    receiver, proxy = make_receiver(name=NAME), make_proxy()
    names.answers[NAME] = ["127.0.0.1"]
    account = make_proxied(proxy).account()
    account.webhook(receiver.url())
    account.publish()
    [request] = receiver.wait(1)
    assert request.target == "/hook" and request.header("Host") == f"{NAME}:{receiver.port}"
    assert proxy.targets == [f"127.0.0.1:{receiver.port}"]


@pytest.mark.parametrize("answer", [["10.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "127.0.0.1"], ["::1"],
                                    ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]])
def test_what_the_guard_forbids_is_not_asked_for(make_proxied, make_proxy, names, answer):
    names.answers[NAME] = answer
    proxy = make_proxy()
    account = make_proxied(proxy, local=False).account()
    assert failure_of(account, f"https://{NAME}/hook")[0] == "blocked_address"
    remains(lambda: proxy.heads == [], 0.2)


def test_a_name_that_changes_is_judged_each_time(make_proxied, make_proxy, names):
    turns = iter(range(1000))
    # Each look-up: public for the first, inside for the second, and so on.
    names.answers[NAME] = lambda: ["93.184.216.34"] if next(turns) // 2 % 2 == 0 else ["10.1.2.3"]
    proxy = make_proxy(answer=b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    account = make_proxied(proxy, local=False).account()
    errors = [failure_of(account, f"https://{NAME}/hook")[0] for _ in range(6)]
    assert set(errors) <= {"connect", "blocked_address"} and len(set(errors)) == 2
    assert set(proxy.targets) == {"93.184.216.34:443"}
    assert len(proxy.targets) == errors.count("connect")


def test_credentials_are_sent_and_never_logged(make_proxied, make_proxy, make_receiver):
    wanted = "Basic " + base64.b64encode(b"skyhook:p@ss:w0rd").decode()
    receiver, proxy = make_receiver(), make_proxy(authorization=wanted)
    server = make_proxied(proxy, credentials="skyhook:p%40ss:w0rd@")
    account = server.account()
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    assert f"\r\nProxy-Authorization: {wanted}\r\n" in proxy.heads[0]
    assert "roxy-" not in receiver.requests[0].head.decode()
    log = server.log()
    assert not any(secret in log for secret in ("p@ss", "p%40ss", "w0rd", wanted.split()[1]))
    proxy.authorization = "Basic other"
    other = make_receiver()
    assert failure_of(account, other.url()) == ("internal", "the proxy: it wants other credentials")
    assert other.connections == 0


def test_a_proxy_that_is_not_there_costs_nothing_but_time(make_proxied, make_proxy, make_receiver):
    receiver, proxy = make_receiver(), make_proxy(listening=False)
    account = make_proxied(proxy, SKYHOOK_RETRY_SCHEDULE=",".join(["500ms"] * 20)).account()
    webhook = account.webhook(receiver.url())
    account.publish()
    entry = eventually(lambda: [one for one in account.deliveries(webhook) if one["attempt_number"]], what="an attempt")[0]
    attempt = account.detail(webhook, entry["delivery_id"])["attempts"][0]
    assert (attempt["error"], attempt["error_detail"]) == ("internal", "the proxy: Connection refused")
    proxy.open()
    account.settled(webhook, "delivered")
    assert receiver.connections == proxy.tunnels == 1


def test_a_proxy_whose_name_does_not_resolve(make_proxied, make_proxy, receiver):
    account = make_proxied(make_proxy(), host="proxy.nowhere.example.com").account()
    assert failure_of(account, receiver.url()) == ("internal", "the proxy's name did not resolve")


def test_a_proxy_by_name_is_dialled_as_configured(make_proxied, make_proxy, make_receiver, names):
    """Its address is the operator's choice, and not the guard's business."""
    names.answers["proxy.skyhook-proxy.example.com"] = ["127.0.0.1"]
    names.answers[NAME] = ["93.184.216.34"]
    proxy = make_proxy(answer=b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    account = make_proxied(proxy, local=False, host="proxy.skyhook-proxy.example.com").account()
    assert failure_of(account, f"https://{NAME}/hook") == ("connect", "the proxy: it answered 503")
    assert proxy.targets == ["93.184.216.34:443"]


def test_a_receiver_that_the_proxy_cannot_reach(make_proxied, make_proxy, names, make_receiver):
    account = make_proxied(make_proxy()).account()
    assert failure_of(account, f"http://127.0.0.1:{closed_port()}/") == ("connect", "the proxy: it answered 502")
    # Of two addresses the second does.
    receiver = make_receiver()
    names.answers[NAME] = ["127.0.0.9", "127.0.0.1"]
    account.webhook(receiver.url(host=NAME))
    account.publish()
    receiver.wait(1)


def test_an_address_of_ipv6_is_in_brackets(make_proxied, make_proxy, make_receiver):
    receiver, proxy = make_receiver(host="::1"), make_proxy()
    account = make_proxied(proxy, "--allow-network", "::1/128").account()
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    assert proxy.targets == [f"[::1]:{receiver.port}"]


@pytest.mark.parametrize("answer,detail", [
    (b"", "it gave no answer"), (b"HTTP/1.1 200", "it gave no answer"), (b"SSH-2.0-OpenSSH\r\n\r\n", "its answer is not HTTP"),
    (b"HTTP/1.1 2x0 OK\r\n\r\n", "its answer is not HTTP"), (b"HTTP/1.1 200 OK\r\n\r\nmore", "its answer is not HTTP"),
    (b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 4096, "it gave no answer")])
def test_a_proxy_that_talks_nonsense(make_proxied, make_proxy, receiver, answer, detail):
    account = make_proxied(make_proxy(answer=answer)).account()
    assert failure_of(account, receiver.url()) == ("internal", f"the proxy: {detail}")
    assert receiver.connections == 0


def test_a_proxy_that_says_nothing_ends_with_the_time_limit(make_proxied, receiver):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        account = make_proxied(types.SimpleNamespace(port=silent.getsockname()[1]), "--timeout", "500ms").account()
        assert failure_of(account, receiver.url())[0] == "timeout"


def test_a_proxy_that_cannot_be_reached_in_time(make_proxied, receiver):
    """Its queue of connections is full: the system drops what would be one more, as a network does that loses everything."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        account = make_proxied(types.SimpleNamespace(port=full.getsockname()[1]), "--timeout", "500ms").account()
        assert failure_of(account, receiver.url()) == ("internal", "the proxy: timed out")


def test_client_certificates_go_through(make_proxied, make_proxy, make_receiver, authority):
    context = authority.context("proxied-demanding")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    receiver = make_receiver(status(200), tls=context, name="localhost")
    account = make_proxied(make_proxy()).account()
    webhook = account.webhook(receiver.url(host="127.0.0.1"), options={"client_certificate": authority.client("through")})
    account.publish()
    account.settled(webhook, "delivered")
