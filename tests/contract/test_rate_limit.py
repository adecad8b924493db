"""Contract section 2: requests a minute and key."""

import time

import pytest
from harness import http

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def within_a_minute(server, count):
    """That many answers to one account, none of them after the end of the account's minute."""
    for _ in range(5):
        account = server.account()
        answers = [account.get("/webhooks") for _ in range(count)]
        if len({answer.headers["x-ratelimit-reset"] for answer in answers}) == 1:
            return answers
    raise AssertionError(f"{count} requests took longer than a minute, five times")


def test_limit(make_server):
    server = make_server("--rate-limit", "5")
    *answers, over = within_a_minute(server, 6)
    other = server.account()
    for answer in answers:
        assert answer.status == 200
        assert answer.headers["x-ratelimit-limit"] == "5"
        reset = int(answer.headers["x-ratelimit-reset"])
        assert time.time() - 1 <= reset <= time.time() + 61
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == list("43210")
    assert over.status == 429
    wait = int(over.headers["retry-after"])
    assert 1 <= wait <= 60
    assert over.json == {"success": False, "message": "Too many requests. Please slow down.",
                         "retry_after": wait}
    assert list(over.json) == ["success", "message", "retry_after"]
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert other.get("/webhooks").status == 200, "each key has a limit of its own"
    assert server.operator("GET", "/accounts").status == 200


def test_default_is_120(make_server):
    account = make_server().account()
    assert account.get("/webhooks").headers["x-ratelimit-limit"] == "120"


def test_zero_is_off(make_server):
    account = make_server("--rate-limit", "0").account()
    assert all(account.get("/webhooks/events").status == 200 for _ in range(200))


def test_headers_are_on_every_answer(account):
    elsewhere = account.server.account(allowed_origins=["https://app.example.com"])
    answers = [account.get("/webhooks"), account.get("/webhooks/9000000000"),
               account.post("/webhooks", {}), account.post("/webhooks", body=b"{"),
               account.request("PATCH", "/webhooks", {}), account.get("/nothing"),
               account.post("/webhooks", body=b"{}", headers={"Content-Type": "text/plain"}),
               account.post("/webhooks", body=b" " * 2**21), elsewhere.get("/webhooks"),
               account.server.request("GET", "/api/v1/webhooks")]
    assert [answer.status for answer in answers] == [200, 404, 422, 400, 405, 404, 415, 413, 403, 401]
    for answer in answers:
        assert all(name in answer.headers for name in HEADERS), answer.headers


@pytest.mark.parametrize("rest,status", [
    (b"Content-Length: 99999999\r\n\r\n", b"413"),
    (b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 2**24 + b"x", b"413"),
    (b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", b"400"),
])
def test_headers_are_on_what_is_refused_before_it_is_read(account, rest, status):
    before = account.get("/webhooks").headers
    answer = http.raw_exchange(account.server.port, (
        b"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-Api-Key: " + account.key.encode() + b"\r\n" + rest))
    assert answer.split(b" ")[1] == status, answer[:300]
    head = answer.split(b"\r\n\r\n")[0].decode().lower().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in head)
    assert headers["x-ratelimit-limit"] == before["x-ratelimit-limit"]
    if headers["x-ratelimit-reset"] == before["x-ratelimit-reset"]:
        assert int(headers["x-ratelimit-remaining"]) == int(before["x-ratelimit-remaining"]) - 1, (
            "it counts like any other")
