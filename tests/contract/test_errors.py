"""Contract section 2: the shape of every error, and that nothing a client sends is fatal."""

import json
import random
import socket

import pytest
from harness import http

GOOD = {"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["contact.created"]}


def assert_error(answer, status, message=None):
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["success"] is False
    assert isinstance(answer.message, str) and answer.message
    if message is not None:
        assert answer.json == {"success": False, "message": message}


@pytest.mark.parametrize("body", [
    b"", b"{", b"nonsense", b"[]", b'"text"', b"12", b"null", b'{"name": "x"', b"{'name': 1}",
    b'{"name": "\xff\xfe"}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"name": "x"} trailing',
    b'\xef\xbb\xbf{"name": "x"}', b'{"name": "x"} {}', b'{"name": "\\ud800"}', b'{"name": NaN}',
    b'{"name": "x",}', b'{"name": "x" /* no */}', b'{"name": "a\nb"}', b'{"a":' * 65 + b"1" + b"}" * 65,
])
def test_400_not_json_or_not_an_object(account, body):
    assert_error(account.post("/webhooks", body=body), 400)


def test_what_is_json_is_read_as_such(account):
    """Each of them is an object, so its fields are judged: nesting to 64 levels, numbers of any size."""
    for body in (b" \r\n{}\t\n", b'{"a":' * 64 + b"1" + b"}" * 64,
                 b'{"a":123456789012345678901234567890,"b":1e999,"c":-0.0,"d":"\\u0000\\ud83d\\ude00"}'):
        assert_error(account.post("/webhooks", body=body), 422)


def test_of_a_field_that_comes_twice_the_last_counts(account):
    body = json.dumps(GOOD).replace("{", '{"name":"first",', 1).encode()
    assert account.post("/webhooks", body=body).data["name"] == GOOD["name"]


def test_404_unknown_path(account):
    for path in ("/nothing", "/webhooks/1/nothing", "/", "", "/webhooks/", "//webhooks", "/Webhooks",
                 "/webhooks/events/"):
        assert_error(account.get(path), 404, "Not found.")
    for path in ("/nothing", "/api", "/api/v2/webhooks", "/operator/v1", "/operator/v1/nothing"):
        assert_error(account.server.request("GET", path), 404, "Not found.")


def test_404_unknown_webhook(account):
    assert_error(account.get("/webhooks/9000000000"), 404, "Webhook not found.")


@pytest.mark.parametrize("identifier", [
    "abc", "-1", "0", "1.5", "1.0", "1e0", "+1", "01", "%201", "9223372036854775808",
    "99999999999999999999999999", "%2e%2e", "1;drop", "%D9%A1", "%FF"])
def test_404_no_id_at_all(account, identifier):
    assert_error(account.get(f"/webhooks/{identifier}"), 404, "Webhook not found.")


def test_an_id_may_be_percent_encoded_but_a_slash_in_it_ends_no_segment(account, receiver):
    identifier = account.webhook(receiver.url())["id"]
    encoded = "".join(f"%{ord(digit):02x}" for digit in str(identifier))
    assert account.get(f"/webhooks/{encoded}").data["id"] == identifier
    for rest in ("%2Fdeliveries", "%2fdeliveries", "%2F"):
        assert_error(account.get(f"/webhooks/{identifier}{rest}"), 404, "Webhook not found.")


def test_a_path_with_a_control_character(account):
    assert_error(account.get("/webhooks/1%00"), 400)


@pytest.mark.parametrize("method,path,allowed", [
    ("PATCH", "/webhooks", {"GET", "POST"}),
    ("DELETE", "/webhooks", {"GET", "POST"}),
    ("PUT", "/webhooks", {"GET", "POST"}),
    ("POST", "/webhooks/1", {"GET", "PUT", "DELETE"}),
    ("GET", "/webhooks/1/test", {"POST"}),
    ("DELETE", "/webhooks/1/deliveries", {"GET"}),
    ("GET", "/webhooks/1/regenerate-secret", {"POST"}),
    ("DELETE", "/webhooks/events", {"GET"}),
    ("OPTIONS", "/webhooks", {"GET", "POST"}),
    ("TRACE", "/webhooks/1", {"GET", "PUT", "DELETE"}),
    ("NONSENSE", "/webhooks/1/test", {"POST"}),
])
def test_405_names_what_is_allowed(account, method, path, allowed):
    answer = account.request(method, path, {})
    assert_error(answer, 405)
    named = {item.strip() for item in answer.headers["allow"].split(",")}
    assert named - {"HEAD", "OPTIONS"} == allowed


def test_head_is_get_without_its_body(account):
    got, head = account.get("/webhooks"), account.request("HEAD", "/webhooks")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == got.headers[name]


def test_413_body_over_the_limit(account):
    answer = account.post("/webhooks", {**GOOD, "name": "x" * (17 * 1024 * 1024)})
    assert_error(answer, 413)


def test_413_of_a_small_form(account):
    body = json.dumps({**GOOD, "filler": "x" * 1024 * 1024}).encode()
    assert_error(account.post("/webhooks", body=body), 413)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded",
                                          "multipart/form-data; boundary=x", "application/xml",
                                          "application/jsonp", ""])
def test_415_not_json(account, content_type):
    answer = account.post("/webhooks", body=json.dumps(GOOD).encode(),
                          headers={"Content-Type": content_type})
    assert_error(answer, 415)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8",
                                          "Application/JSON", "application/json;charset=UTF-8"])
def test_json_in_every_spelling(account, content_type):
    answer = account.post("/webhooks", body=json.dumps(GOOD).encode(),
                          headers={"Content-Type": content_type})
    assert answer.status == 201, answer


def test_422_shape(account):
    answer = account.post("/webhooks", {})
    assert_error(answer, 422)
    assert list(answer.json) == ["success", "message", "errors"]
    assert all(isinstance(messages, list) for messages in answer.json["errors"].values())


def test_a_post_without_a_body_needs_no_content_type(account, receiver):
    webhook = account.webhook(receiver.url())
    for action in ("test", "regenerate-secret"):
        answer = http.request(account.server.port, "POST",
                              f"/api/v1/webhooks/{webhook['id']}/{action}", None,
                              {"Authorization": f"Bearer {account.key}"})
        assert answer.status == 200, answer


@pytest.mark.parametrize("data,status", [
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"nonsense\r\n\r\n", b"400"),
    (b"GET /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", b"400"),
    (b"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", b"400"),
    (b"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    (b"GET /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nX-Large: " + b"y" * 70_000 + b"\r\n\r\n",
     b"431"),
])
def test_bytes_that_are_no_request(server, data, status):
    answer = http.raw_exchange(server.port, data)
    assert answer.split(b" ")[1] == status, answer[:200]
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert body["success"] is False and body["message"]
    assert server.request("GET", "/healthz").status == 200


def test_a_chunked_body_is_read(account):
    body = json.dumps(GOOD).encode()
    data = (f"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {account.key}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n").encode()
    for at in range(0, len(body), 7):
        piece = body[at:at + 7]
        data += b"%x\r\n%s\r\n" % (len(piece), piece)
    answer = http.raw_exchange(account.server.port, data + b"0\r\n\r\n")
    assert answer.split(b" ")[1] == b"201", answer


def test_a_client_that_asks_before_it_sends_its_body(account):
    body = json.dumps(GOOD).encode()
    head = (f"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {account.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", account.server.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")


def test_two_requests_sent_at_once_are_answered_in_order(account):
    one = (f"GET /api/v1/webhooks HTTP/1.1\r\nHost: x\r\n"
           f"Authorization: Bearer {account.key}\r\n\r\n")
    two = (f"GET /api/v1/webhooks/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: {account.key}\r\n"
           "Connection: close\r\n\r\n")
    answer = http.raw_exchange(account.server.port, (one + two).encode())
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"Webhooks retrieved") < answer.index(b"Available webhook events")


def test_nothing_of_the_inside_is_told(account):
    for answer in (account.post("/webhooks", body=b"{"), account.get("/webhooks/9000000000")):
        text = answer.body.decode().lower()
        assert not any(word in text for word in ("sqlite", "exception", ".cpp", "simdjson"))


@pytest.mark.parametrize("seed", range(4))
def test_requests_with_damage_are_answered_or_closed(account, seed):
    """Bytes of good requests, changed, cut and doubled at random: the server goes on."""
    chance = random.Random(seed)
    body = json.dumps({**GOOD, "name": "\u00e9\ud83d\ude00"}).encode()
    good = (b"POST /api/v1/webhooks?page=1&per_page=%32 HTTP/1.1\r\nHost: x\r\nX-Api-Key: "
            + account.key.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(body)).encode() + b"\r\n\r\n" + body)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at:at + chance.randint(1, 30)]
                case 2:
                    data[at:at] = data[at:at + chance.randint(1, 30)]
                case 3:
                    data[at:at] = chance.choice([b"\r\n", b"\0", b"%00", b"{", b'"', b"\xff"])
        answer = http.raw_exchange(account.server.port, bytes(data))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), answer[:100]
        assert b" 500 " not in answer.split(b"\r\n")[0], answer
    assert account.server.request("GET", "/healthz").status == 200
