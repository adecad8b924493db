"""The operator's own event types: description, schema and example, and data that is checked."""

import json

import pytest
from harness.server import run

SCHEMA = {
    "type": "object",
    "required": ["id", "customer"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "customer": {"type": "object", "properties": {"email": {"type": "string", "pattern": "^[^@]+@[^@]+$"}}},
    },
}
EXAMPLE = {"id": 5012, "customer": {"email": "amina@example.com"}}
TYPES = f"""
[[event_types]]
name = "invoice.paid"
description = "An invoice is paid; in full"
schema = "@invoice.json"
example = '{json.dumps(EXAMPLE)}'
check = true

[[event_types]]
name = "invoice.viewed"
description = "Somebody looked"
schema = '{json.dumps(SCHEMA)}'

[[event_types]]
name = "invoice.lost"

[[event_types]]
name = "invoice.sent"
example = '{{"total": 49.90, "id": 12345678901234567890}}'
"""


@pytest.fixture
def catalogue(make_server, tmp_path):
    (tmp_path / "invoice.json").write_text(json.dumps(SCHEMA, indent=2))
    (tmp_path / "skyhook.toml").write_text(TYPES)
    return make_server("--config", str(tmp_path / "skyhook.toml"))


def publish(server, account, event, data):
    return server.operator("POST", f"/accounts/{account.id}/events", {"event": event, "data": data})


def test_schema_and_example_are_shown_to_those_who_ask(catalogue):
    account = catalogue.account()
    plain = account.get("/webhooks/events").data
    assert [list(entry) for entry in plain] == [["event", "description"]] * 15
    for answer in (account.get("/webhooks/events?include=schema"),
                   catalogue.operator("GET", "/event-types?include=schema")):
        assert [(one["event"], one["description"]) for one in answer.data] == [
            (one["event"], one["description"]) for one in plain]
        assert answer.data[0] == {**plain[0], "schema": None, "example": None, "is_checked": False}
        paid, viewed, lost, _ = answer.data[-4:]
        assert (paid["schema"], paid["example"], paid["is_checked"]) == (SCHEMA, EXAMPLE, True)
        assert (viewed["schema"], viewed["example"], viewed["is_checked"]) == (SCHEMA, None, False)
        assert (lost["schema"], lost["example"], lost["is_checked"]) == (None, None, False)
    wrong = account.get("/webhooks/events?include=secret")
    assert (wrong.status, wrong.json["errors"]) == (422, {"include": ["The selected include is invalid."]})


def test_what_does_not_fit_its_schema_is_refused_by_pointer(catalogue, make_receiver):
    account = catalogue.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url(), ["invoice.paid"])
    refused = publish(catalogue, account, "invoice.paid", {"id": 1, "customer": {"email": "amina"}})
    assert (refused.status, refused.message) == (422, "The given data was invalid.")
    assert refused.json["errors"] == {"data": [
        'The data field does not fit the schema of invoice.paid: "/customer/email" must match the '
        "pattern ^[^@]+@[^@]+$."]}
    assert publish(catalogue, account, "invoice.paid", {}).json["errors"]["data"] == [
        'The data field does not fit the schema of invoice.paid: "" must have the property id.']
    assert publish(catalogue, account, "invoice.paid", EXAMPLE).status == 202
    assert publish(catalogue, account, "invoice.viewed", {}).status == 202, "nobody asked for a check"
    account.settled(webhook, "delivered")
    [delivery] = receiver.wait(1)
    assert delivery.json["data"] == EXAMPLE


def test_a_batch_is_taken_whole_or_not_at_all(catalogue, make_receiver):
    account = catalogue.account()
    webhook = account.webhook(make_receiver().url(), ["*"])
    items = [{"account_id": account.id, "event": "invoice.paid", "data": data}
             for data in (EXAMPLE, {"id": 0, "customer": {}}, EXAMPLE, {"id": 1})]
    refused = catalogue.operator("POST", "/events", {"events": items})
    assert refused.status == 422
    schema = "field does not fit the schema of invoice.paid:"
    assert refused.json["errors"] == {
        "events.1.data": [f'The events.1.data {schema} "/id" must be at least 1.'],
        "events.3.data": [f'The events.3.data {schema} "" must have the property customer.']}
    assert account.get(f"/webhooks/{webhook['id']}/deliveries").data == []
    assert catalogue.operator("POST", "/events", {"events": items[:1]}).status == 202


@pytest.mark.parametrize("more,said", [
    ("schema = '{'", "not valid JSON"),
    ("""schema = '{"typ": "object"}'""", "'typ' is not a keyword that is checked here"),
    ("schema = '@nowhere.json'", "nowhere.json': No such file or directory"),
    ("example = '[]'", "example is not a JSON object"),
    ("""schema = '{"required": ["id"]}'\nexample = '{}'""",
     'example does not fit its schema: "" must have the property id'),
    ("check = true", "check = true needs a schema"),
])
def test_what_is_wrong_with_a_type_ends_the_start(tmp_path, more, said):
    file = tmp_path / "skyhook.toml"
    file.write_text(f"[[event_types]]\nname = 'invoice.paid'\n{more}\n")
    result = run("serve", "--data", tmp_path / "data", "--config", file)
    assert result.returncode == 2
    output = (result.stdout + result.stderr).strip()
    assert len(output.splitlines()) == 1
    assert "invoice.paid" in output and said in output
    assert not (tmp_path / "data").exists()


def test_names_of_the_operators_events_are_taken(tmp_path):
    result = run("serve", "--data", tmp_path / "data", "--event-type", "operator.delivery.failed=Mine")
    assert result.returncode == 2
    assert "'operator.delivery.failed', but names that begin with 'operator.' are Skyhook's own" in result.stderr


def test_trigger_sends_the_operators_example(catalogue, receiver):
    account = catalogue.account()
    account.webhook(receiver.url(), events=["invoice.*"])
    access = {"SKYHOOK_SERVER": f"http://127.0.0.1:{catalogue.port}", "SKYHOOK_OPERATOR_TOKEN": catalogue.operator_token}
    sent = {"invoice.paid": json.dumps(EXAMPLE), "invoice.lost": '{"sample":true,"id":1}',
            "invoice.sent": '{"total": 49.90, "id": 12345678901234567890}'}
    for number, (event, data) in enumerate(sent.items(), 1):
        result = run("trigger", event, "--account", account.id, environment=access)
        assert result.returncode == 0, result.stderr
        assert f'"data":{data}}}' in receiver.wait(number)[-1].body.decode()
    unknown = run("trigger", "invoice.eaten", "--account", account.id, environment=access)
    assert unknown.returncode == 1 and "The selected event is invalid." in unknown.stderr
    nobody = run("trigger", "invoice.paid", "--account", account.id, environment={**access, "SKYHOOK_OPERATOR_TOKEN": "op_x"})
    assert nobody.returncode == 1 and "401" in nobody.stderr
