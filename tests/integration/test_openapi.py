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
    if "number" in kinds:
        yield "type", "text"
        yield "minimum", schema["minimum"] / 2
        yield "maximum", schema["maximum"] + 1
        if "multipleOf" in schema:
            yield "multipleOf", schema["minimum"] + schema["multipleOf"] / 2
    if "enum" in schema:
        yield "enum", "no such value"


def body_operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                yield method.upper(), path, resolve(document, content["schema"]), content["example"]


def send(server, account, webhook, method, path, body, token=None):
    of_account = path.startswith("/operator") and "{account_id}" not in path
    path = path.replace("{id}", str(account.id if of_account else webhook["id"]))
    path = path.replace("{account_id}", str(account.id))
    token = token or (account.key if path.startswith("/api") else server.operator_token)
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


ODD_VALUES = [None, "", " ", "x", "é", "x\0", LONG, "https://example.com/", "ftp://example.com/", "*", "contact.*",
              "2126-01-01T00:00:00Z", "5m", True, False, "1", "yes", 0, 1, -1, 0.5, 1e9, 2**63, [], ["contact.created"],
              [7], [""], ["no such"], {}, {"a": 1}, {"A": "b"}]


def fields_of(document, schema, place=()):
    """(place, schema, whether it is required) of each field of a body, and of the objects in its lists."""
    for name, field in schema["properties"].items():
        yield (*place, name), field, name in schema.get("required", [])
        items = resolve(document, resolve(document, field).get("items", {}))
        if "properties" in items:
            yield from fields_of(document, items, (*place, name, 0))


def changed(example, place, **value):
    """A copy of the example with `value=` at that place, or with nothing there."""
    body = part = copy.deepcopy(example)
    for step in place[:-1]:
        part = part[step]
    if value:
        part[place[-1]] = value["value"]
    else:
        part.pop(place[-1], None)
    return body


def test_document_and_server_agree_on_odd_values(server, document, account, receiver):
    """What the schema of a field allows is accepted, and what it does not is refused: in each field of each
    operation. A constraint that is in one and not in the other fails. A blank text is an absent value."""
    from jsonschema import Draft202012Validator, FormatChecker

    webhook = account.webhook(receiver.url())

    def refused(method, path, place, body):
        answer = send(server, account, webhook, method, path, body)
        dotted = ".".join(map(str, place))
        return answer.status == 422 and any(
            key == dotted or key.startswith(dotted + ".") for key in answer.json["errors"])

    wrong = []
    for method, path, schema, example in body_operations(document):
        for place, field, required in fields_of(document, schema):
            rule = Draft202012Validator({**field, "components": document["components"]},
                                        format_checker=FormatChecker())
            for value in ODD_VALUES:
                if place[-1] == "account_id" and value in (1e9, 2**63):
                    continue  # which accounts there are is more than a schema can say
                is_blank = isinstance(value, str) and not value.strip()
                allowed = rule.is_valid(None if is_blank else value)
                if refused(method, path, place, changed(example, place, value=value)) == allowed:
                    wrong.append((method, path, place, value))
            if refused(method, path, place, changed(example, place)) != required:
                wrong.append((method, path, place, "left out"))
    assert not wrong, "\n".join(map(str, wrong))


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


def documented_names(document, operation, where):
    """Field names of an operation's body, those within its items too, or its query parameters."""
    if where == "query":
        parameters = [resolve(document, one) for one in operation.get("parameters", [])]
        return {one["name"] for one in parameters if one["in"] == "query"}
    names, stack = set(), [operation["requestBody"]["content"]["application/json"]["schema"]]
    while stack:
        one = resolve(document, stack.pop())
        names |= set(one.get("properties", {}))
        stack += list(one.get("properties", {}).values()) + ([one["items"]] if "items" in one else [])
    return names


def test_an_operation_reads_no_field_that_is_documented_elsewhere_only(server, document, receiver):
    """What one operation reads, another must document too if it reads it: nonsense there is ignored."""
    everywhere = field_names(document)
    checked = 0
    for method, path, operation in operations(document):
        where = "body" if "requestBody" in operation else "query"
        if method not in ("GET", "POST", "PUT") or path.endswith("/stream"):
            continue
        case = Case(server, receiver)
        for name in sorted(everywhere - documented_names(document, operation, where)):
            if method == "POST":
                case = Case(server, receiver)
            body = case.example(operation)
            if where == "body":
                body[name] = [["no sense"]]  # for every field of any operation
                if path == "/operator/v1/events":
                    body["events"][0][name] = [["no sense"]]
                answer = case.send(method, path, body)
            else:
                answer = case.send(method, f"{path}?{name}=no+sense", body)
            assert answer.status < 300, (method, path, name, answer)
            checked += 1
    assert checked > 200


def test_every_answer_is_as_described(make_store_server, store_kind, document, receiver):
    """No field more, none less, in every operation's success and in its refusal of no key."""
    server = make_store_server("--rate-limit", "1000000")
    says_nothing = set()
    from jsonschema import Draft202012Validator, FormatChecker

    def check(operation, answer, place):
        described = resolve(document, operation["responses"][str(answer.status)])
        if not answer.body:
            assert "content" not in described, place
            return
        kind, content = next(iter(described["content"].items()))
        assert answer.headers["content-type"].split(";")[0] == kind, place
        if kind == "application/json":
            schema = {**content["schema"], "components": document["components"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json)

    for method, path, operation in operations(document):
        if path.endswith("/stream"):
            continue  # it does not end; tests/contract reads it
        case = Case(server, receiver)
        answer = case.send(method, path, case.example(operation))
        assert 200 <= answer.status < 300, (method, path, answer)
        check(operation, answer, (method, path))
        if answer.body and answer.headers["content-type"] == "application/json" and answer.json.get("data") == []:
            says_nothing.add(path)
        if operation["security"]:
            refused = case.send(method, path, None, token="wrong")
            assert refused.status == 401
            check(operation, refused, (method, path))
    # An empty list would hide what its items are; an embedded store has no nodes.
    assert says_nothing == ({"/operator/v1/nodes"} if store_kind == "sqlite" else set())


class Case:
    """An account of its own with a webhook and a settled delivery, to try an operation on."""

    def __init__(self, server, receiver):
        self.server = server
        self.account = server.account()
        self.webhook = self.account.webhook(receiver.url())
        self.account.publish()
        self.delivery = self.account.settled(self.webhook, "delivered")[0]["delivery_id"]

    def example(self, operation):
        if "requestBody" not in operation:
            return None
        body = copy.deepcopy(operation["requestBody"]["content"]["application/json"]["example"])
        for item in body.get("events", []):
            if "account_id" in item:
                item["account_id"] = self.account.id
        return body

    def send(self, method, path, body, token=None):
        path = path.replace("{delivery_id}", self.delivery)
        return send(self.server, self.account, self.webhook, method, path, body, token)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_the_limits_of_the_source_are_those_of_the_document(root, source):
    """Each k…Limit of the API: where the document says it. A limit that is in one only fails."""
    schemas = source["components"]["schemas"]
    parameters = source["components"]["parameters"]
    text = source["info"]["description"]
    stream = source["paths"]["/api/v1/webhooks/{id}/deliveries/stream"]["get"]["description"]
    request_id = source["components"]["headers"]["X-Request-Id"]["description"]
    steps = [parameter["description"] for item in source["paths"].values()
             for operation in item.values() for parameter in operation.get("parameters", [])
             if parameter.get("name") == "step"]
    forms, accounts, items = (
        [schemas[name]["properties"] for name in names]
        for names in (("WebhookCreate", "WebhookUpdate"), ("AccountCreate", "AccountUpdate"),
                      ("Publish", "PublishItem")))
    options = [schemas[name]["properties"] for name in ("WebhookOptions", "WebhookOptionsChange")]
    headers = options[1]["headers"]
    filters = options[1]["filter"]["description"]
    replayed = [item["post"]["responses"]["202"]["content"]["application/json"]["schema"]["properties"]["data"]
                ["properties"]["replayed"] for path, item in source["paths"].items() if path.endswith("/replay")]
    said = {
        "kNameLimit": [one["name"]["maxLength"] for one in forms + accounts],
        "kUrlLimit": [one["url"]["maxLength"] for one in forms],
        "kEventsLimit": [one["events"]["maxItems"] for one in forms],
        "kOriginsLimit": [one["allowed_origins"]["maxItems"] for one in accounts],
        "kOriginLimit": [one["allowed_origins"]["items"]["maxLength"] for one in accounts],
        "kHeadersLimit": [one["headers"]["maxProperties"] for one in options],
        "kScheduleLimit": [one["retry_schedule"]["maxItems"] for one in options],
        "kHeaderValueLimit": [headers["additionalProperties"]["anyOf"][0]["maxLength"]],
        "kHeaderNameLimit": [int(re.search(r"\{1,(\d+)\}", headers["propertyNames"]["pattern"]).group(1))],
        "kFilterBytesLimit": [int(re.search(r"([\d,]+) bytes", filters).group(1).replace(",", ""))],
        "kFilterDepthLimit": [int(re.search(r"(\d+) levels of objects", filters).group(1))],
        "kFilterValuesLimit": [int(re.search(r"(\d+) names and values", filters).group(1))],
        "kIdempotencyKeyLimit": [one["idempotency_key"]["maxLength"] for one in items],
        "kBatchEventLimit": [schemas["PublishBatch"]["properties"]["events"]["maxItems"]],
        "kEventBodyLimit": [source["paths"]["/operator/v1/accounts/{id}/events"]["post"]
                            ["requestBody"]["x-limit-bytes"]],  # the others: unit test of the routes
        "kDefaultPerPage": [parameters["PerPage"]["schema"]["default"]],
        "kMaxPerPage": [parameters["PerPage"]["schema"]["maximum"]],
        "kStatsStepsLimit": [int(re.search(r"at most (\d+) steps", one).group(1)) for one in steps],
        "kJsonDepthLimit": [int(re.search(r"nests at most (\d+) deep", text).group(1))],
        "kStreamLimit": [int(re.search(r"and (\d+) of a server", stream).group(1))],
        "kStreamLimitOfAccount": [int(re.search(r"At most (\d+) streams", stream).group(1))],
        "kReplayLimit": [one["maximum"] for one in replayed],
        "kRequestIdLimit": [int(re.search(r"1 to (\d+) letters", request_id).group(1))],
    }
    found = {}
    for header in [*(root / "src/api").glob("*.h"), root / "src/intake/intake.h", root / "src/domain/verdict.h",
                   root / "src/domain/webhook_options.h", root / "src/filter/filter.h",
                   root / "src/store/store.h"]:
        for name, value in re.findall(r"constexpr [\w:]+ (k\w*Limit\w*|kMax\w+|kDefault\w+) =\s*([\d *']+);",
                                      header.read_text()):
            found[name] = eval(value.replace("'", ""), {"__builtins__": {}})  # numbers and `*` only
    assert {name: [value] for name, value in found.items()} == {
        name: sorted(set(values)) for name, values in said.items()}
    rates = dict(re.findall(r"constexpr double k(\w*Rate\w*) = ([\d.]+);",
                            (root / "src/domain/webhook_options.h").read_text()))
    for one in options:
        assert one["rate_limit"]["minimum"] == float(rates["LowestRate"])
        assert one["rate_limit"]["maximum"] == float(rates["HighestRate"])
    assert options[1]["rate_limit"]["multipleOf"] == 1 / float(rates["RateSteps"])


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
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout[-60_000:] + result.stderr[-2000:]
    assert server.process.poll() is None
    assert "unexpected" not in server.log().lower()
