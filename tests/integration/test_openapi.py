"""The API's description against the live server: every field and limit, both ways, and Schemathesis."""

import copy
import json
import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(__file__)
LONG = "x" * 300


@pytest.fixture(scope="module")
def document(server):
    answer = server.request("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json


@pytest.fixture(scope="module")
def source(root):
    return json.loads((root / "docs/openapi/openapi.json").read_text())


def resolve(document, value):
    while "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def test_the_served_document_is_the_source_with_the_own_catalogue(document, source):
    assert document["openapi"].startswith("3.1")
    served = copy.deepcopy(document)
    served["info"]["version"] = source["info"]["version"]
    assert served == source


def test_own_events_are_in_the_document(make_server):
    server = make_server("--event-type", "invoice.paid=An invoice is paid")
    document = server.request("GET", "/openapi.json").json
    assert document["components"]["schemas"]["EventName"]["enum"][-1] == "invoice.paid"


def test_the_document_is_valid(document):
    from openapi_spec_validator import validate

    validate(document)


def test_the_page_asks_for_nothing_from_elsewhere(server):
    answer = server.request("GET", "/docs")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    text = answer.body.decode()
    assert "<script" not in text
    assert not re.search(r"(src|href)=.?(https?:)?//", text)
    assert "Create a webhook" in text


# --- fields and limits: from the document to the server ---------------------------------------------


def examples_that_break(name, schema, required):
    """(what is wrong, value) for each keyword of a field's schema."""
    schema = {**schema.get("anyOf", [{}])[0], **schema}
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if required:
        yield "required", None
    if "maxLength" in schema:
        too_long = "x" * (schema["maxLength"] + 1)
        yield "maxLength", "https://example.com/" + too_long if schema.get("format") == "uri" else too_long
    if "string" in kinds:
        yield "type", 7
    if schema.get("format") in ("uri", "date-time"):
        yield "format", "nonsense"
    if "array" in kinds:
        yield "type", "text"
        if schema.get("minItems"):
            yield "minItems", []
        if "maxItems" in schema:
            yield "maxItems", ["contact.created"] * (schema["maxItems"] + 1)
    if "object" in kinds:
        yield "type", [1]
        for inner, inner_schema in schema.get("properties", {}).items():
            for keyword, value in examples_that_break(inner, inner_schema, False):
                yield f"{inner}: {keyword}", {inner: value}
        if schema.get("additionalProperties") is False:
            yield "additionalProperties", {"no-such-name": 1}
        if "maxProperties" in schema:
            yield "maxProperties", {f"X-{i}": "1" for i in range(schema["maxProperties"] + 1)}
    if "integer" in kinds:
        yield "type", "text"
    if "enum" in schema:
        yield "enum", "no such value"


def body_operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                yield method.upper(), path, resolve(document, content["schema"]), content["example"]


def send(server, account, webhook, method, path, body):
    of_account = path.startswith("/operator") and "{account_id}" not in path
    path = path.replace("{id}", str(account.id if of_account else webhook["id"]))
    path = path.replace("{account_id}", str(account.id))
    token = account.key if path.startswith("/api") else server.operator_token
    return server.request(method, path, json_body=body, headers={"Authorization": f"Bearer {token}"})


def test_every_documented_limit_is_enforced(server, document, account, receiver):
    webhook = account.webhook(receiver.url())
    checked = 0
    for method, path, schema, example in body_operations(document):
        for name, field in schema["properties"].items():
            field = resolve(document, field)
            for keyword, value in examples_that_break(name, field, name in schema.get("required", [])):
                body = {**copy.deepcopy(example), name: value}
                if keyword == "required":
                    del body[name]
                answer = send(server, account, webhook, method, path, body)
                assert answer.status == 422, (method, path, name, keyword, answer)
                errors = answer.json["errors"]
                assert any(key.split(".")[0] == name for key in errors), (path, name, keyword, errors)
                checked += 1
    assert checked > 40


def test_what_the_document_allows_is_accepted_at_its_edges(server, document, account):
    edges = {
        "name": "ü" * 255,
        "url": "https://example.com/" + "x" * (2048 - len("https://example.com/")),
        "events": ["contact.created"] * 1000,
    }
    assert account.post("/webhooks", edges).status == 201
    origins = ["https://" + "a" * 247] * 100
    made = server.operator("POST", "/accounts", {"name": "x", "allowed_origins": origins})
    assert made.status == 201 and made.data["allowed_origins"] == origins
    over = server.operator("POST", "/accounts", {"name": "x", "allowed_origins": ["https://" + "a" * 248]})
    assert over.status == 422
    key = "k" * 255
    path = f"/accounts/{account.id}/events"
    body = {"event": "contact.created", "data": {}, "idempotency_key": key}
    assert server.operator("POST", path, body).status == 202
    assert server.operator("POST", path, {**body, "idempotency_key": key + "k"}).status == 422


def test_every_documented_query_limit_is_enforced(server, document, account, receiver):
    webhook = account.webhook(receiver.url())
    checked = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                parameter = resolve(document, parameter)
                if parameter["in"] != "query":
                    continue
                schema = resolve(document, parameter["schema"])
                bad = []
                if schema.get("type") == "integer":
                    bad += ["text", "1.5", str(schema["minimum"] - 1)]
                    if schema.get("maximum", 2**63) < 2**53:
                        bad.append(str(schema["maximum"] + 1))
                if "enum" in schema and parameter["name"] == "status":
                    bad.append("nonsense")
                if schema.get("format") == "date-time":
                    bad.append("yesterday")
                for value in bad:
                    target = f"{path}?{parameter['name']}={value}"
                    answer = send(server, account, webhook, method.upper(), target, None)
                    assert answer.status == 422, (target, answer)
                    assert parameter["name"] in answer.json["errors"], (target, answer)
                    checked += 1
    assert checked > 20


# --- and from the server's source to the document -----------------------------------------------------


def field_names(document):
    """Every field of a body, and every query parameter, that is documented."""
    names = set()
    for _, _, schema, _ in body_operations(document):
        stack = [schema]
        while stack:
            one = resolve(document, stack.pop())
            names |= set(one.get("properties", {}))
            stack += list(one.get("properties", {}).values())
            if "items" in one:
                stack.append(one["items"])
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                parameter = resolve(document, parameter)
                if parameter["in"] == "query":
                    names.add(parameter["name"])
    return names


def test_no_field_is_read_that_is_not_documented(root, source):
    text = "".join((root / "src/api" / name).read_text()
                   for name in ("validation.cpp", "publish_input.cpp", "webhook_options.cpp"))
    read = set(re.findall(r'(?:find|find_required|read_\w+)\((?:input|query),\s*"(\w+)"', text))
    read |= set(re.findall(r'query\.get\("(\w+)"\)', text))
    read |= set(re.findall(r'kField = "(\w+)"', text))
    read |= set(re.findall(r'key == "(\w+)"', text))
    read |= set(re.findall(r'(?:input\.if_contains\(|Option\{)"(\w+)"', text))
    documented = field_names(source)
    assert len(read) > 12
    assert read <= documented, f"read, not documented: {sorted(read - documented)}"
    assert documented - {"events"} <= read, f"documented, not read: {sorted(documented - read)}"


def test_the_limits_of_the_source_are_those_of_the_document(root, source):
    text = "".join((root / "src" / name).read_text() for name in
                   ("api/validation.h", "api/publish_input.h", "intake/intake.h", "domain/verdict.h",
                    "domain/webhook_options.h"))

    def constant(name):
        value = re.search(rf"\b{name} =\s*([^;]+);", text).group(1)
        return eval(value, {"__builtins__": {}})  # numbers and `*` only

    schemas = source["components"]["schemas"]
    parameters = source["components"]["parameters"]
    for name in ("WebhookCreate", "WebhookUpdate"):
        fields = schemas[name]["properties"]
        assert fields["name"]["maxLength"] == constant("kNameLimit")
        assert fields["url"]["maxLength"] == constant("kUrlLimit")
        assert fields["events"]["maxItems"] == constant("kEventsLimit")
    for name in ("WebhookOptions", "WebhookOptionsChange"):
        fields = schemas[name]["properties"]
        assert fields["headers"]["maxProperties"] == constant("kHeadersLimit")
        assert fields["retry_schedule"]["maxItems"] == constant("kScheduleLimit")
    headers = schemas["WebhookOptionsChange"]["properties"]["headers"]
    assert headers["additionalProperties"]["anyOf"][0]["maxLength"] == constant("kHeaderValueLimit")
    assert f"{{1,{constant('kHeaderNameLimit')}}}" in headers["propertyNames"]["pattern"]
    for name in ("AccountCreate", "AccountUpdate"):
        fields = schemas[name]["properties"]
        assert fields["name"]["maxLength"] == constant("kNameLimit")
        assert fields["allowed_origins"]["maxItems"] == constant("kOriginsLimit")
        assert fields["allowed_origins"]["items"]["maxLength"] == constant("kOriginLimit")
    for name in ("Publish", "PublishItem"):
        assert schemas[name]["properties"]["idempotency_key"]["maxLength"] == constant(
            "kIdempotencyKeyLimit")
    assert schemas["PublishBatch"]["properties"]["events"]["maxItems"] == constant("kBatchEventLimit")
    assert f"{constant('kEventBodyLimit') // 1024} KiB" in schemas["Publish"]["description"]
    assert parameters["PerPage"]["schema"]["default"] == constant("kDefaultPerPage")
    assert parameters["PerPage"]["schema"]["maximum"] == constant("kMaxPerPage")


# --- Schemathesis -------------------------------------------------------------------------------------


def test_schemathesis(make_server, names, tmp_path):
    """All of its checks, with authentication, links and negative data. How much is tried stands in
    schemathesis.toml; SKYHOOK_SCHEMATHESIS_SEED=n tries something else."""
    server = make_server("--timeout", "300ms", "--rate-limit", "0", "--dns-servers", names.address,
                         "--retry-schedule", "1h")
    # The run changes and deletes accounts: not the one whose key it uses, if that is far from small ids.
    for _ in range(200):
        account = server.account()
    environment = {**os.environ, "SKYHOOK_TEST_URL": f"http://127.0.0.1:{server.port}",
                   "SKYHOOK_TEST_KEY": account.key, "SKYHOOK_TEST_TOKEN": server.operator_token,
                   "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": HERE}
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    seed = os.environ.get("SKYHOOK_SCHEMATHESIS_SEED", "1")
    result = subprocess.run(
        [program, "--config-file", os.path.join(HERE, "schemathesis.toml"), "run",
         f"http://127.0.0.1:{server.port}/openapi.json", "--seed", seed,
         "--checks", "all", "--workers", "1", "--max-failures", "20", "--output-truncate", "false",
         # The streams do not end.
         "--exclude-path-regex", "/deliveries/stream$"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stdout[-60_000:] + result.stderr[-2000:]
    assert server.process.poll() is None
    assert "unexpected" not in server.log().lower()
