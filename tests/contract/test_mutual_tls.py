"""Client certificates of webhooks, against TLS servers that demand one (docs/webhook-options.md)."""

import ssl

import pytest
from harness.polling import eventually
from harness.receiver import status


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """Who vouches for clients; another authority than the servers'."""
    from harness.certificates import Authority

    return Authority(tmp_path_factory.mktemp("clients"))


@pytest.fixture
def demanding(authority, clients, make_receiver):
    """A receiver that lets nobody in without a certificate, and keeps whose each connection showed."""

    def make(version=None, demand=ssl.CERT_REQUIRED, name="demanding"):
        context = authority.context(name)
        context.verify_mode = demand
        context.load_verify_locations(clients.file)
        if version:
            context.maximum_version = version
        receiver = make_receiver(tls=context, name="localhost")

        def answer(connection, request):
            shown = connection.socket.getpeercert()
            request.client = dict(pair for [pair] in shown["subject"])["commonName"] if shown else None
            request.session_reused = connection.socket.session_reused
            return status(200)(connection, request)

        receiver.answer_with(answer)
        return receiver

    return make


def options_of(account, webhook):
    return account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]


def send(account, receiver):
    seen = len(receiver.requests)
    account.publish()
    request = receiver.wait(seen + 1)[seen]
    eventually(lambda: request.answered, what="the answer")
    return request


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_certificate_is_shown(account, clients, demanding, version):
    receiver = demanding(version)
    webhook = account.webhook(receiver.url(), options={"client_certificate": clients.client("skyhook")})
    account.publish()
    account.settled(webhook, "delivered")
    assert receiver.requests[0].client == "skyhook"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_without_one_nothing_is_delivered(account, demanding, version):
    receiver = demanding(version)
    webhook = account.webhook(receiver.url(), options={"retry_schedule": []})
    account.publish()
    [entry] = account.settled(webhook, "failed")
    # In TLS 1.3 the refusal comes after the handshake, and may be lost with the connection.
    errors = {"tls"} if version == ssl.TLSVersion.TLSv1_2 else {"tls", "reset"}
    assert account.detail(webhook, entry["delivery_id"])["error"] in errors
    assert receiver.requests == []


def test_one_of_another_authority_is_refused(account, authority, demanding):
    receiver = demanding(ssl.TLSVersion.TLSv1_2)
    webhook = account.webhook(receiver.url(), options={"retry_schedule": [], "client_certificate": authority.client("stranger")})
    account.publish()
    [entry] = account.settled(webhook, "failed")
    assert account.detail(webhook, entry["delivery_id"])["error"] == "tls"
    assert receiver.requests == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_webhooks_share_no_connection_and_no_session(account, clients, demanding, version):
    """Three webhooks of one receiver, of which one has no certificate; and one that changes its own."""
    receiver = demanding(version, demand=ssl.CERT_OPTIONAL, name="optional")
    mine = account.webhook(receiver.url(), events=["contact.created"],
                           options={"client_certificate": clients.client("one")})
    account.webhook(receiver.url(), events=["contact.updated"], options={"client_certificate": clients.client("two")})
    account.webhook(receiver.url(), events=["contact.deleted"])
    expected = {"contact.created": "one", "contact.updated": "two", "contact.deleted": None}
    for _ in range(3):
        for event in expected:
            seen = len(receiver.requests)
            account.publish(event)
            receiver.wait(seen + 1)
    shown = {}
    for request in receiver.requests:
        assert request.client == expected[request.json["event"]]
        shown.setdefault(request.client, set()).add(request.connection)
    assert len(set.union(*shown.values())) == sum(map(len, shown.values())), "no connection served two"
    account.put(f"/webhooks/{mine['id']}", {"options": {"client_certificate": clients.client("three")}})
    changed = send(account, receiver)
    assert changed.client == "three"
    assert not changed.session_reused
    assert changed.connection not in set.union(*shown.values())
    account.put(f"/webhooks/{mine['id']}", {"options": {"client_certificate": None}})
    assert send(account, receiver).client is None


def test_it_is_shown_without_its_key(account, clients, receiver):
    pem = clients.client("CN with, comma", days_until=5)
    webhook = account.webhook(receiver.url(), options={"client_certificate": pem})
    shown = options_of(account, webhook)["client_certificate"]
    assert list(shown) == ["subject", "expires_at", "fingerprint"]
    assert shown["subject"] == "CN=CN with\\, comma"
    assert shown["expires_at"] == clients.expiry(pem)
    assert shown["fingerprint"] == clients.fingerprint(pem)
    secret = pem["key"].splitlines()[1]
    for answer in (account.get(f"/webhooks/{webhook['id']}?include=options"), account.get("/webhooks?include=options")):
        assert secret.encode() not in answer.body
    # What is shown may be sent back, and keeps it.
    answer = account.put(f"/webhooks/{webhook['id']}?include=options", {"options": {"client_certificate": shown}})
    assert answer.data["options"]["client_certificate"] == shown


def test_bad_ones_are_told_by_field(account, clients):
    one, other = clients.client("one"), clients.client("other")
    expired = clients.client("old", days_until=-1)
    locked = clients.client("locked", password=b"secret")
    weak = clients.client("weak", rsa_bits=1024)

    def faults(value):
        answer = account.post("/webhooks", {"name": "x", "url": "https://example.com", "events": ["contact.created"],
                                            "options": {"client_certificate": value}})
        assert answer.status == 422, answer
        return answer.json["errors"]

    of = "options.client_certificate"
    assert faults("x") == {of: [f"The {of} field must be an object."]}
    assert faults({}) == {f"{of}.certificate": [f"The {of}.certificate field is required."],
                          f"{of}.key": [f"The {of}.key field is required."]}
    assert faults({**one, "colour": 1}) == {f"{of}.colour": [f"The selected {of}.colour is invalid."]}
    assert faults({**one, "certificate": 7}) == {f"{of}.certificate": [f"The {of}.certificate field must be a string."]}
    for wrong in ("nonsense", one["key"], one["certificate"].replace("M", "%", 1), one["certificate"] * 11):
        assert list(faults({**one, "certificate": wrong})) == [f"{of}.certificate"]
    for wrong in ("nonsense", one["certificate"], other["key"], locked["key"]):
        assert list(faults({**one, "key": wrong})) == [f"{of}.key"]
    assert faults({**one, "key": other["key"]}) == {f"{of}.key": [f"The {of}.key field must be the key of the certificate."]}
    assert faults({**one, "key": locked["key"]}) == {f"{of}.key": [f"The {of}.key field must be an unencrypted private key in PEM."]}
    assert faults(expired) == {f"{of}.certificate": [f"The {of}.certificate field must not have expired."]}
    assert faults(weak) == {f"{of}.certificate": [f"The {of}.certificate field must be as strong as TLS demands today."]}
    both = {**one, "certificate": one["certificate"] + one["key"]}
    assert faults(both) == {f"{of}.certificate": [f"The {of}.certificate field must not have a private key in it."]}
    long = clients.client("long", rsa_bits=4160)
    assert faults(long) == {f"{of}.key": [f"The {of}.key field must not be longer than 4096 bits."]}
    assert faults({"certificate": "x" * 16385, "key": one["key"]}) == {
        f"{of}.certificate": [f"The {of}.certificate field must not be greater than 16384 characters."]}
    assert faults({**one, "key": "x" * 8193}) == {
        f"{of}.key": [f"The {of}.key field must not be greater than 8192 characters."]}
    assert list(faults({"fingerprint": "0" * 64})) == [f"{of}.certificate", f"{of}.key"]


def test_the_key_is_sealed_and_outlives_a_restart(make_server, clients, demanding):
    import secrets

    receiver = demanding()
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    account = server.account()
    pem = clients.client("sealed")
    account.webhook(receiver.url(), options={"client_certificate": pem})
    server.restart()
    assert send(account, receiver).client == "sealed"
    line = pem["key"].splitlines()[1]
    for file in server.directory.rglob("*"):
        if file.is_file():
            assert line.encode() not in file.read_bytes(), file
