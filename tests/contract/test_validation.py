"""Contract section 2: every validation message, as the vendor's clients parse it."""

import json

import pytest

INVALID = "The given data was invalid."
GOOD = {"name": "Hook", "url": "https://example.com/hook", "events": ["contact.created"]}

NAME_REQUIRED = {"name": ["The name field is required."]}
URL_REQUIRED = {"url": ["The url field is required."]}
EVENTS_REQUIRED = {"events": ["The events field is required."]}
URL_INVALID = {"url": ["The url field must be a valid URL."]}
BOOLEAN = {"is_active": ["The is active field must be true or false."]}


@pytest.fixture(scope="module")
def account(strict_server):
    return strict_server.account()


@pytest.fixture(scope="module")
def webhook(account):
    return account.webhook(GOOD["url"])


def without(*fields):
    return {name: value for name, value in GOOD.items() if name not in fields}


CREATE_CASES = [
    ({}, {**NAME_REQUIRED, **URL_REQUIRED, **EVENTS_REQUIRED}),
    (without("name"), NAME_REQUIRED),
    (without("url"), URL_REQUIRED),
    (without("events"), EVENTS_REQUIRED),
    ({**GOOD, "name": ""}, NAME_REQUIRED),
    ({**GOOD, "name": " \t\n "}, NAME_REQUIRED),
    ({**GOOD, "name": "\u00a0\u200b\u2028\u3000\ufeff"}, NAME_REQUIRED),
    ({**GOOD, "name": None}, NAME_REQUIRED),
    ({**GOOD, "name": "a\0b"}, {"name": ["The name field format is invalid."]}),
    ({**GOOD, "name": 5}, {"name": ["The name field must be a string."]}),
    ({**GOOD, "name": ["x"]}, {"name": ["The name field must be a string."]}),
    ({**GOOD, "name": True}, {"name": ["The name field must be a string."]}),
    ({**GOOD, "name": "x" * 256},
     {"name": ["The name field must not be greater than 255 characters."]}),
    ({**GOOD, "name": "é" * 256},
     {"name": ["The name field must not be greater than 255 characters."]}),
    ({**GOOD, "url": ""}, URL_REQUIRED),
    ({**GOOD, "url": None}, URL_REQUIRED),
    ({**GOOD, "events": None}, EVENTS_REQUIRED),
    ({**GOOD, "events": "contact.created"}, {"events": ["The events field must be an array."]}),
    ({**GOOD, "events": {"0": "contact.created"}},
     {"events": ["The events field must be an array."]}),
    ({**GOOD, "events": 7}, {"events": ["The events field must be an array."]}),
    ({**GOOD, "events": ["contact.created", "nonsense"]},
     {"events.1": ["The selected events.1 is invalid."]}),
    ({**GOOD, "events": ["nonsense", "contact.created", "webhook.test"]},
     {"events.0": ["The selected events.0 is invalid."],
      "events.2": ["The selected events.2 is invalid."]}),
    ({**GOOD, "events": ["Contact.Created"]}, {"events.0": ["The selected events.0 is invalid."]}),
    ({**GOOD, "is_active": "true"}, BOOLEAN),
    ({**GOOD, "is_active": "yes"}, BOOLEAN),
    ({**GOOD, "is_active": 2}, BOOLEAN),
    ({**GOOD, "is_active": 1.0}, BOOLEAN),
    ({**GOOD, "is_active": -1}, BOOLEAN),
    ({**GOOD, "is_active": 2**64}, BOOLEAN),
    ({**GOOD, "is_active": {}}, BOOLEAN),
    ({**GOOD, "is_active": []}, BOOLEAN),
    ({"name": "x" * 256, "url": "nonsense", "events": [], "is_active": 3},
     {"name": ["The name field must not be greater than 255 characters."],
      "url": ["The url field must be a valid URL."],
      **BOOLEAN}),
]


@pytest.mark.parametrize("body,errors", CREATE_CASES,
                         ids=[json.dumps(body)[:70] for body, _ in CREATE_CASES])
def test_create(account, body, errors):
    answer = account.post("/webhooks", body)
    assert answer.status == 422, answer
    got = answer.json
    assert list(got) == ["success", "message", "errors"]
    assert got["success"] is False and got["message"] == INVALID
    reported = dict(got["errors"])
    if body.get("events") == []:
        # An empty list: Laravel's `required` speaks first where the field is required.
        assert reported.pop("events") in (["The events field is required."],
                                          ["The events field must have at least 1 items."])
    assert reported == errors


def test_an_empty_list_of_events(account, webhook):
    for answer in (account.post("/webhooks", {**GOOD, "events": []}),
                   account.put(f"/webhooks/{webhook['id']}", {"events": []})):
        assert answer.status == 422
        assert answer.json["errors"] == {
            "events": ["The events field must have at least 1 items."]}


def test_an_item_of_the_wrong_type(account):
    answer = account.post("/webhooks", {**GOOD, "events": ["contact.created", 5, None]})
    assert answer.status == 422
    assert set(answer.json["errors"]) == {"events.1", "events.2"}


def test_fields_are_reported_in_their_order(account):
    answer = account.post("/webhooks", {"is_active": 7, "events": 7, "url": "x", "name": 7})
    assert list(answer.json["errors"]) == ["name", "url", "events", "is_active"]


UPDATE_CASES = [
    ({"name": ""}, NAME_REQUIRED),
    ({"name": None}, NAME_REQUIRED),
    ({"name": 5}, {"name": ["The name field must be a string."]}),
    ({"url": None}, URL_REQUIRED),
    ({"url": "ftp://example.com"}, URL_INVALID),
    ({"events": None}, EVENTS_REQUIRED),
    ({"events": "x"}, {"events": ["The events field must be an array."]}),
    ({"events": ["x"]}, {"events.0": ["The selected events.0 is invalid."]}),
    ({"is_active": "maybe"}, BOOLEAN),
]


@pytest.mark.parametrize("body,errors", UPDATE_CASES,
                         ids=[json.dumps(body) for body, _ in UPDATE_CASES])
def test_update(account, webhook, body, errors):
    before = account.get(f"/webhooks/{webhook['id']}").data
    answer = account.put(f"/webhooks/{webhook['id']}", body)
    assert answer.status == 422, answer
    assert answer.json == {"success": False, "message": INVALID, "errors": errors}
    assert account.get(f"/webhooks/{webhook['id']}").data == before


@pytest.mark.parametrize("name", ["x" * 255, "é" * 255, "日" * 255, "😀" * 255])
def test_characters_are_counted_not_bytes(account, name):
    assert account.webhook(GOOD["url"], name=name)["name"] == name


REFUSED_URLS = [
    "nonsense",
    "example.com/hook",
    "//example.com/hook",
    "https://",
    "https:///hook",
    "https:example.com",
    "http://example.com/hook",
    "ftp://example.com/hook",
    "javascript:alert(1)",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:port/",
    "https://exa mple.com/",
    "https://example.com/a\nb",
    "https://example.com/a\r\nX-Injected: 1",
    "https://example.com/\u0000x",
    "https://exa\tmple.com/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[ff02::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://foo.localhost/",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_refused_urls(account, url):
    answer = account.post("/webhooks", {**GOOD, "url": url})
    assert answer.status == 422, f"{url}: {answer}"
    assert list(answer.json["errors"]) == ["url"]
    (message,) = answer.json["errors"]["url"]
    assert message.startswith("The url field must ") or message.startswith("The url ")


@pytest.mark.parametrize("url", [
    "https://example.com",
    "https://example.com/",
    "https://EXAMPLE.com/Path?query=1&b=%20",
    "https://example.com:8443/hook",
    "https://xn--bcher-kva.example/hook",
    "https://93.184.216.34/hook",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/hook",
    "https://a.b.c.d.example.com/hook#fragment",
])
def test_accepted_urls_come_back_as_given(account, url):
    assert account.webhook(url)["url"] == url


def test_url_length(account):
    fits = "https://example.com/" + "x" * (2048 - len("https://example.com/"))
    assert account.webhook(fits)["url"] == fits
    answer = account.post("/webhooks", {**GOOD, "url": fits + "x"})
    assert answer.status == 422
    assert answer.json["errors"] == {
        "url": ["The url field must not be greater than 2048 characters."]}


def test_a_url_that_is_no_string(account):
    answer = account.post("/webhooks", {**GOOD, "url": 12})
    assert answer.status == 422
    assert "url" in answer.json["errors"] and len(answer.json["errors"]) == 1


QUERY_CASES = [
    ("per_page=101", {"per_page": ["The per page field must not be greater than 100."]}),
    ("per_page=0", {"per_page": ["The per page field must be at least 1."]}),
    ("per_page=-3", {"per_page": ["The per page field must be at least 1."]}),
    ("per_page=ten", {"per_page": ["The per page field must be an integer."]}),
    ("page=x", {"page": ["The page field must be an integer."]}),
    ("page=1.5", {"page": ["The page field must be an integer."]}),
    ("page=0", {"page": ["The page field must be at least 1."]}),
    ("page=99999999999999999999999", {"page": ["The page field must be an integer."]}),
    ("page=%E2%91%A0", {"page": ["The page field must be an integer."]}),
    ("page=1&page=0", {"page": ["The page field must be at least 1."]}),
    ("per_page=1e1", {"per_page": ["The per page field must be an integer."]}),
    ("per_page=05", {"per_page": ["The per page field must be an integer."]}),
    ("status=PENDING", {"status": ["The selected status is invalid."]}),
    ("event=a%00b", {"event": ["The selected event is invalid."]}),
    ("event=%ff%fe", {"event": ["The selected event is invalid."]}),
    ("status=sent", {"status": ["The selected status is invalid."]}),
    ("status[]=failed", {"status": ["The selected status is invalid."]}),
    ("status%5B0%5D=failed&event[]=contact.created",
     {"status": ["The selected status is invalid."], "event": ["The selected event is invalid."]}),
    ("page%5B%5D=7", {"page": ["The page field must be an integer."]}),
    ("from[]=2026-03-01T10:00:00Z", {"from": ["The from field must be a valid date."]}),
    ("status=sent&page=x&per_page=1000",
     {"page": ["The page field must be an integer."],
      "per_page": ["The per page field must not be greater than 100."],
      "status": ["The selected status is invalid."]}),
]


@pytest.mark.parametrize("query,errors", QUERY_CASES, ids=[query for query, _ in QUERY_CASES])
def test_query(account, webhook, query, errors):
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries?{query}")
    assert answer.status == 422, answer
    assert answer.json["message"] == INVALID
    assert answer.json["errors"] == errors


def test_query_at_its_limits(account, webhook):
    assert account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=100&page=1").status == 200
    assert account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=1").status == 200
    big = account.get(f"/webhooks/{webhook['id']}/deliveries?page={2**63 - 1}&per_page=100")
    assert big.status == 200 and big.data == []


@pytest.mark.parametrize("query", ["", "?", "?&&", "?page=&per_page=&status=", "?page", "?status=%20",
                                   "?unknown=1", "?unknown[]=1", "?page[]=7&page=1", "?page=%201%20&per_page=%2B25"])
def test_a_parameter_that_is_empty_or_unknown_is_none(account, webhook, query):
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries{query}")
    assert answer.status == 200, answer
    assert answer.json["meta"] == {"current_page": 1, "last_page": 1, "per_page": 25, "total": 0}
