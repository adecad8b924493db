"""The vendor's API reference, literally: its examples as JSON, compared field by field."""

import json
import re

import pytest
from harness.receiver import status

# Copied from the reference; nothing here is read from the product.
WEBHOOK_OBJECT = json.loads("""
{
  "id": 7,
  "name": "Production Webhook",
  "url": "https://yourapp.com/webhooks/skylightchat",
  "events": ["contact.created", "message.received", "booking.created"],
  "is_active": true,
  "created_at": "2026-03-01T10:00:00.000000Z",
  "updated_at": "2026-03-01T10:00:00.000000Z"
}""")

LIST = json.loads("""
{
  "success": true,
  "data": [
    {
      "id": 7,
      "name": "Production Webhook",
      "url": "https://yourapp.com/webhooks/skylightchat",
      "events": ["contact.created", "message.received"],
      "is_active": true,
      "delivery_logs_count": 42
    }
  ],
  "message": "Webhooks retrieved successfully."
}""")

CREATE_REQUEST = json.loads("""
{
  "name": "Production Webhook",
  "url": "https://yourapp.com/webhooks/skylightchat",
  "events": ["contact.created", "contact.updated", "message.received", "booking.created"]
}""")

CREATED = json.loads("""
{
  "success": true,
  "data": {
    "id": 7,
    "name": "Production Webhook",
    "url": "https://yourapp.com/webhooks/skylightchat",
    "secret": "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "events": ["contact.created", "message.received"],
    "is_active": true
  },
  "message": "Webhook created. Store the secret securely — it won't be shown again."
}""")

UPDATE_REQUEST = json.loads("""
{
  "events": ["contact.created", "booking.created", "booking.cancelled"],
  "is_active": false
}""")

TEST_PAYLOAD = json.loads("""
{
  "event": "webhook.test",
  "delivery_id": "uuid-here",
  "timestamp": 1741093200,
  "data": {
    "message": "This is a test delivery from SkyLight Chat to verify your webhook endpoint.",
    "webhook_id": 7,
    "webhook_name": "Production Webhook"
  }
}""")

DELIVERIES = json.loads("""
{
  "success": true,
  "data": [
    {
      "id": 1024,
      "event_type": "contact.created",
      "delivery_id": "a1b2c3d4-e5f6-...",
      "attempt_number": 1,
      "response_status_code": 200,
      "status": "delivered",
      "delivered_at": "2026-03-04T12:00:05.000000Z",
      "created_at": "2026-03-04T12:00:00.000000Z"
    }
  ],
  "meta": { "current_page": 1, "last_page": 2, "per_page": 15, "total": 18 }
}""")

REGENERATED = json.loads("""
{
  "success": true,
  "data": {
    "secret": "whsec_newxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
  },
  "message": "Secret regenerated. Update your signature verification code."
}""")

EVENTS = json.loads("""
{
  "success": true,
  "data": [
    { "event": "contact.created", "description": "A new contact is added" },
    { "event": "contact.updated", "description": "A contact's details are updated" },
    { "event": "contact.deleted", "description": "A contact is deleted" },
    { "event": "message.received", "description": "An inbound message is received from a contact" },
    { "event": "message.sent", "description": "An outbound message is sent to a contact" },
    { "event": "booking.created", "description": "A new booking is created" },
    { "event": "booking.updated", "description": "A booking is updated" },
    { "event": "booking.cancelled", "description": "A booking is cancelled" },
    { "event": "booking.completed", "description": "A booking is marked as completed" },
    { "event": "ticket.created", "description": "A new support ticket is opened" },
    { "event": "ticket.replied", "description": "A reply is added to a support ticket" }
  ],
  "message": "Available webhook events."
}""")

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
SECRET = re.compile(r"^whsec_[A-Za-z0-9+/]{64}$")
FORMS = {
    "created_at": TIME, "updated_at": TIME, "delivered_at": TIME, "delivery_id": UUID,
    "secret": SECRET,
}
# What the reference shows of a webhook elsewhere, and its shorter examples leave out.
LEFT_OUT_IN_EXAMPLES = {"created_at", "updated_at"}


def assert_same_shape(got, example, path="$", may_add=frozenset()):
    """Same fields in the same order, same types; values of a known form have that form."""
    if isinstance(example, dict):
        assert isinstance(got, dict), path
        fields = [name for name in got if name in example or name not in may_add]
        assert fields == list(example), f"{path}: {list(got)}"
        for name, value in example.items():
            if name in FORMS:
                assert FORMS[name].match(got[name]), f"{path}.{name}: {got[name]!r}"
            else:
                assert_same_shape(got[name], value, f"{path}.{name}", may_add)
    elif isinstance(example, list):
        assert isinstance(got, list), path
        for index, item in enumerate(got):
            assert_same_shape(item, example[0], f"{path}[{index}]", may_add)
    else:
        assert type(got) is type(example), f"{path}: {got!r}"


@pytest.fixture
def account(strict_server):
    return strict_server.account()


@pytest.fixture
def webhook(account):
    answer = account.post("/webhooks", CREATE_REQUEST)
    assert answer.status == 201, answer
    return answer.data


def test_create(account):
    answer = account.post("/webhooks", CREATE_REQUEST)
    assert answer.status == 201
    assert_same_shape(answer.json, CREATED, may_add=LEFT_OUT_IN_EXAMPLES)
    assert answer.json["success"] is True
    assert answer.message == CREATED["message"]
    assert "—".encode() in answer.body, "the message is sent as it is written, not escaped"
    for field, value in CREATE_REQUEST.items():
        assert answer.data[field] == value
    assert answer.data["is_active"] is True


def test_list(account, webhook):
    answer = account.get("/webhooks")
    assert answer.status == 200
    assert_same_shape(answer.json, LIST, may_add=LEFT_OUT_IN_EXAMPLES)
    assert answer.message == LIST["message"]
    (entry,) = answer.data
    assert entry["id"] == webhook["id"]
    assert entry["delivery_logs_count"] == 0
    assert "meta" not in answer.json, "the list is not paginated"


def test_list_of_nothing(account):
    answer = account.get("/webhooks")
    assert answer.json == {"success": True, "data": [], "message": LIST["message"]}


def test_get(account, webhook):
    answer = account.get(f"/webhooks/{webhook['id']}")
    assert answer.status == 200
    assert list(answer.json) == ["success", "data", "message"]
    assert_same_shape(answer.data, WEBHOOK_OBJECT)
    assert answer.data["events"] == CREATE_REQUEST["events"]


def test_update(account, webhook):
    answer = account.put(f"/webhooks/{webhook['id']}", UPDATE_REQUEST)
    assert answer.status == 200
    assert_same_shape(answer.data, WEBHOOK_OBJECT)
    assert answer.data["events"] == UPDATE_REQUEST["events"]
    assert answer.data["is_active"] is False
    assert answer.data["name"] == CREATE_REQUEST["name"]
    assert answer.data["url"] == CREATE_REQUEST["url"]


def test_delete(account, webhook):
    answer = account.delete(f"/webhooks/{webhook['id']}")
    assert answer.status == 204
    assert answer.body == b""
    assert account.get(f"/webhooks/{webhook['id']}").status == 404


def test_test(server, make_receiver):
    receiver = make_receiver(status(200))
    account = server.account()
    webhook = account.webhook(receiver.url(), name="Production Webhook")
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.status == 200
    assert_same_shape(answer.data, DELIVERIES["data"][0])
    assert answer.data["event_type"] == "webhook.test"
    (request,) = receiver.wait()
    assert_same_shape(request.json, TEST_PAYLOAD)
    assert request.json["event"] == TEST_PAYLOAD["event"]
    assert request.json["data"] == {**TEST_PAYLOAD["data"], "webhook_id": webhook["id"]}


def test_deliveries(server, receiver):
    account = server.account()
    webhook = account.webhook(receiver.url())
    for _ in range(18):
        account.publish()
    account.settled(webhook, "delivered", 18)
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=15")
    assert answer.status == 200
    fields = [name for name in answer.json if name != "message"]
    assert fields == ["success", "data", "meta"]
    assert_same_shape(answer.data, DELIVERIES["data"])
    assert answer.json["meta"] == DELIVERIES["meta"]
    assert list(answer.json["meta"]) == list(DELIVERIES["meta"])
    assert len(answer.data) == 15
    entry = answer.data[0]
    expected = {**DELIVERIES["data"][0], **{name: entry[name] for name in
                ("id", "delivery_id", "delivered_at", "created_at")}}
    assert entry == expected


def test_regenerate_secret(account, webhook):
    answer = account.post(f"/webhooks/{webhook['id']}/regenerate-secret")
    assert answer.status == 200
    assert_same_shape(answer.json, REGENERATED)
    assert answer.message == REGENERATED["message"]
    assert answer.data["secret"] != webhook["secret"]


def test_events(account):
    answer = account.get("/webhooks/events")
    assert answer.status == 200
    assert answer.json == EVENTS
    assert [list(entry) for entry in answer.data] == [list(entry) for entry in EVENTS["data"]]


@pytest.mark.parametrize("route", ["", "/7", "/7/deliveries", "/events"])
def test_nothing_without_a_key(strict_server, route):
    assert strict_server.request("GET", f"/api/v1/webhooks{route}").status == 401
