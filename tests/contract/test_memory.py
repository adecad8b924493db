"""What cannot be sent now waits in the store, not in memory."""

import json

import pytest
from harness.polling import eventually
from harness.receiver import closed_port
from harness.server import SANITIZED

PAYLOAD = {"text": "x" * 1000}


def publish_in_batches(server, account, count):
    event = {"account_id": account.id, "event": "contact.created", "data": PAYLOAD}
    body = json.dumps({"events": [event] * 1000}).encode()
    for _ in range(count // 1000):
        answer = server.operator("POST", "/events", body=body)
        assert answer.status == 202, answer


def waiting(account, webhook):
    return account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=1").json["meta"]["total"]


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep freed memory")
def test_10_000_more_behind_a_dead_receiver(make_server):
    server = make_server("--retry-schedule", "1h", SKYHOOK_LOG="info")
    account = server.account()
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    publish_in_batches(server, account, 30_000)  # caches fill
    before = server.rss_mib()
    publish_in_batches(server, account, 10_000)
    after = server.rss_mib()
    assert waiting(account, webhook) == 40_000
    assert after - before < 12, f"{before:.1f} MiB before, {after:.1f} MiB after"


@pytest.mark.soak
def test_1_000_000_behind_a_dead_receiver(make_server):
    server = make_server("--retry-schedule", "1h", SKYHOOK_LOG="info")
    account = server.account()
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    publish_in_batches(server, account, 50_000)
    peak = before = server.rss_mib()
    for step in range(95):
        publish_in_batches(server, account, 10_000)
        peak = max(peak, server.rss_mib())
        if step % 10 == 0:
            print(f"{(step + 6) * 10_000} events: {server.rss_mib():.1f} MiB")
    assert waiting(account, webhook) == 1_000_000
    assert peak < 200 and peak - before < 64, f"{before:.1f} MiB before, {peak:.1f} MiB at most"
    server.kill()
    server.start()
    eventually(lambda: waiting(account, webhook) == 1_000_000)
    assert server.rss_mib() < 200
