"""Contract section 4: where it may connect, judged on what is dialled."""

import pytest
from harness.receiver import Receiver

# What a name may say, and must not lead to.
FORBIDDEN = {
    "loopback": ["127.0.0.1"],
    "this-network": ["0.0.0.0"],
    "private-10": ["10.0.0.1"],
    "private-172": ["172.31.255.1"],
    "private-192": ["192.168.0.10"],
    "cgnat": ["100.64.0.1"],
    "link-local": ["169.254.10.10"],
    "metadata": ["169.254.169.254"],
    "azure": ["168.63.129.16"],
    "multicast": ["224.0.0.251"],
    "broadcast": ["255.255.255.255"],
    "benchmark": ["198.18.0.1"],
    "documentation": ["192.0.2.1"],
    "v6-loopback": ["::1"],
    "v6-unspecified": ["::"],
    "v6-unique-local": ["fd00::1"],
    "v6-link-local": ["fe80::1"],
    "v6-multicast": ["ff02::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "six-to-four": ["2002:7f00:1::"],
    "nat64": ["64:ff9b::7f00:1"],
    "teredo": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "mixed": ["93.184.216.34", "127.0.0.1"],
    "mixed-v6": ["93.184.216.34", "::1"],
}


@pytest.fixture(scope="module")
def account(strict_server):
    return strict_server.account()


@pytest.mark.parametrize("label", FORBIDDEN)
def test_a_name_that_points_inside_is_refused_at_send(account, names, label):
    name = f"{label}.skyhook-test.example.com"
    names.answers[name] = FORBIDDEN[label]
    webhook = account.webhook(f"https://{name}/hook")  # at create it is only a name
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.data["status"] == "failed"
    assert answer.data["response_status_code"] is None
    detail = account.detail(webhook, answer.data["delivery_id"])
    assert detail["attempts"][0]["error"] == "blocked_address"


def test_nothing_is_dialled(account, names, authority, make_receiver):
    name = "inside.skyhook-test.example.com"
    receiver = make_receiver(tls=authority.context("inside", names=[name]))
    turns = iter(range(1000))
    # Public at the first look-up, inside at the next: the connection goes to what was judged.
    names.answers[name] = lambda: ["127.0.0.1"] if next(turns) % 3 == 2 else [
        "127.0.0.1", "93.184.216.34"]
    webhook = account.webhook(f"https://{name}:{receiver.port}/hook")
    for _ in range(6):
        account.publish()
    account.settled(webhook, "failed", 6)
    for _ in range(3):
        account.post(f"/webhooks/{webhook['id']}/test")
    assert receiver.connections == 0


def test_an_exempt_network_is_dialled(make_server, authority, names):
    name = "exempt.skyhook-test.example.com"
    names.answers[name] = ["127.0.0.1"]
    receiver = Receiver(tls=authority.context("exempt", names=[name]))
    try:
        server = make_server("--allow-network", "127.0.0.0/8", "--dns-servers", names.address,
                             local=False)
        account = server.account()
        webhook = account.webhook(receiver.url(host=name))
        account.publish()
        account.settled(webhook, "delivered")
        assert receiver.requests[0].header("Host") == f"{name}:{receiver.port}"
        plain = account.post("/webhooks", {"name": "x", "url": f"http://{name}/",
                                           "events": ["contact.created"]})
        assert plain.status == 422, "an exempt network does not allow plain http"
    finally:
        receiver.close()


def test_plain_http_does_not_exempt_networks(make_server):
    account = make_server("--allow-http", local=False).account()
    body = {"name": "x", "events": ["contact.created"]}
    assert account.post("/webhooks", {**body, "url": "http://127.0.0.1/"}).status == 422
    assert account.post("/webhooks", {**body, "url": "http://example.com/"}).status == 201


def test_a_webhook_of_a_freer_time_is_refused_at_send(make_server, make_receiver):
    """Made under --allow-network, sent without it."""
    receiver = make_receiver()
    free = make_server(name="free")
    account = free.account()
    webhook = account.webhook(receiver.url())
    assert free.stop() == 0
    strict = make_server("--retry-schedule", "50ms", local=False, name="strict", store=free.store,
                         SKYHOOK_OPERATOR_TOKEN=free.operator_token)
    account.server = strict
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.data["status"] == "failed"
    attempt = account.detail(webhook, answer.data["delivery_id"])["attempts"][0]
    assert attempt["error"] in ("blocked_address", "invalid_url")
    assert receiver.connections == 0
