"""The commands for people who integrate, against a real server."""

import hashlib
import hmac
import json
import os
import pty
import re
import select
import signal
import subprocess

import pytest
import standardwebhooks

from harness.certificates import Authority
from harness.clock import Clock, build_library
from harness.polling import eventually
from harness.server import BINARY, clean_environment, run
from harness.stores import PostgresStore

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"

# Of the published example of Standard Webhooks.
ED25519_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
ED25519_PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def raw_request(request):
    head = request.head if isinstance(request.head, bytes) else request.head.encode("latin-1")
    return head + b"\r\n\r\n" + request.body


@pytest.fixture
def access(server, account):
    return {"SKYHOOK_SERVER": f"http://127.0.0.1:{server.port}", "SKYHOOK_API_KEY": account.key,
            "SKYHOOK_OPERATOR_TOKEN": server.operator_token}


# --- verify -----------------------------------------------------------------------------------------


@pytest.fixture
def delivery(account, receiver):
    """A real delivery, and the secret that signed it."""
    webhook = account.webhook(receiver.url())
    account.publish(data={"name": "Zoë", "n": 1.0})
    return receiver.wait(1)[0], webhook["secret"]


def verify(tmp_path, content, secret, *arguments):
    path = tmp_path / "captured.http"
    path.write_bytes(content)
    result = run("verify", "--secret", secret, "--request", f"@{path}", "--json", *arguments)
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    assert answer["valid"] == all(f["mistake"] == "none" for f in answer["findings"]
                                  if f["about"] != "what you computed")
    return result.returncode, {finding["mistake"] for finding in answer["findings"]}


def test_verify_finds_a_real_delivery_right(delivery, tmp_path):
    request, secret = delivery
    assert verify(tmp_path, raw_request(request), secret) == (0, {"none"})


def test_verify_names_the_usual_mistakes(delivery, tmp_path):
    request, secret = delivery
    captured = raw_request(request)
    again = json.dumps(json.loads(request.body)).encode()
    assert verify(tmp_path, captured.replace(request.body, again), secret) == (
        1, {"reserialised_body"})
    assert verify(tmp_path, captured, SECRET) == (1, {"wrong_secret"})
    assert verify(tmp_path, captured + b"\n", secret) == (1, {"changed_white_space"})
    assert verify(tmp_path, captured.replace(b"sha256=", b"").replace(b"v1,", b""), secret) == (
        1, {"missing_prefix"})
    old = re.sub(rb"(?i)webhook-timestamp: \d+", b"webhook-timestamp: 1000000000", captured)
    assert verify(tmp_path, old, secret) == (1, {"none", "wrong_secret"})


def test_an_ed25519_signature_is_verified_with_the_public_key(account, receiver, tmp_path):
    webhook = account.webhook(receiver.url())
    path = f"/webhooks/{webhook['id']}?include=options"
    key = account.put(path, {"options": {"ed25519": True}}).data["options"]["ed25519"]
    account.publish(data={"n": 1.0})
    request = receiver.wait(1)[0]
    assert verify(tmp_path, raw_request(request), webhook["secret"], "--public-key", key) == (0, {"none"})

    def judged(content, public_key=key):
        (tmp_path / "captured.http").write_bytes(content)
        result = run("verify", "--public-key", public_key, "--request", f"@{tmp_path / 'captured.http'}")
        return result.returncode, result.stdout

    assert judged(raw_request(request)) == (0, "good   webhook-signature (v1a): the signature is right\n")
    status, told = judged(raw_request(request).replace(request.body, json.dumps(request.json).encode()))
    assert status == 1 and "(reserialised_body)" in told
    status, told = judged(raw_request(request), ED25519_PUBLIC_KEY)
    assert status == 1 and "(wrong_secret)" in told
    status, told = judged(re.sub(rb" v1a,[^\r]*", b"", raw_request(request)))
    assert status == 1 and "(missing_header)" in told and "option ed25519 is off" in told


def test_verify_in_words(delivery, tmp_path):
    request, secret = delivery
    path = tmp_path / "captured.http"
    path.write_bytes(raw_request(request))
    result = run("verify", "--secret", secret, "--request", f"@{path}")
    assert result.returncode == 0
    assert "good   X-Skylight-Signature" in result.stdout
    assert "good   webhook-signature" in result.stdout


def test_verify_needs_something_to_verify():
    assert run("verify", "--secret", SECRET).returncode == 2
    assert run("verify", "--body", "{}").returncode == 2
    assert run("verify", "--body", "{}", "--public-key", "whpk_AAAA").returncode == 2
    assert run("verify", "--body", "{}", "--public-key", ED25519_PUBLIC_KEY, "--computed", "x").returncode == 2
    assert run("verify", "--secret", SECRET, "--request", "@/nowhere").returncode == 2
    assert run("verify", "--secret", SECRET, "--body", "{}", "--header", "nonsense").returncode == 2


# --- trigger ----------------------------------------------------------------------------------------


def test_trigger_every_event_of_the_catalogue(access, account, receiver):
    events = [one["event"] for one in account.get("/webhooks/events").data]
    account.webhook(receiver.url(), events=events)
    for event in events:
        result = run("trigger", event, "--account", account.id, environment=access)
        assert result.returncode == 0, result.stderr
    requests = receiver.wait(len(events))
    assert sorted(request.json["event"] for request in requests) == sorted(events)
    assert all(len(request.json["data"]) >= 3 for request in requests)


def test_trigger_straight_to_a_receiver(receiver, tmp_path):
    result = run("trigger", "booking.created", "--to", receiver.url(), "--secret", SECRET)
    assert result.returncode == 0, result.stderr
    assert "answered 200" in result.stdout
    request = receiver.wait(1)[0]
    assert request.json["event"] == "booking.created"
    assert verify(tmp_path, raw_request(request), SECRET) == (0, {"none"})


def test_trigger_signs_with_an_ed25519_key_too(receiver, tmp_path):
    arguments = ["trigger", "booking.created", "--to", receiver.url(), "--secret", SECRET, "--ed25519-key"]
    assert run(*arguments, "new").returncode == 2
    assert run(*arguments, ED25519_KEY).returncode == 0
    request = raw_request(receiver.wait(1)[0])
    assert verify(tmp_path, request, SECRET, "--public-key", ED25519_PUBLIC_KEY) == (0, {"none"})


def test_trigger_says_what_is_missing(access):
    assert run("trigger", "contact.created", environment=access).returncode == 2
    assert run("trigger", "contact.created", "--to", "http://127.0.0.1:1/").returncode == 2
    assert run("trigger", "no such", "--to", "http://127.0.0.1:1/", "--secret", "x").returncode == 2
    unknown = run("trigger", "no.such", "--account", "1", environment=access)
    assert unknown.returncode == 1 and "event" in unknown.stderr
    listed = run("trigger", "--list")
    assert listed.returncode == 0 and "ticket.replied" in listed.stdout


# --- deliveries, retry, health ----------------------------------------------------------------------


def test_deliveries_and_retry(access, account, make_receiver):
    from harness.receiver import status

    failure = status(500, body=b"ok\n")
    receiver = make_receiver(failure, failure, failure, status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    failed = account.settled(webhook, "failed")[0]
    listed = run("deliveries", "--status", "failed", environment=access)
    assert listed.returncode == 0, listed.stderr
    assert failed["delivery_id"] in listed.stdout and "attempt 3" in listed.stdout
    lines = run("deliveries", "--json", environment=access).stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [failed["id"]]
    shown = run("deliveries", failed["delivery_id"], environment=access)
    assert shown.stdout.count("http_status") == 3 and '"event": "contact.created"' in shown.stdout
    assert len(re.findall(r"^  attempt \d  \S+Z  \d+\.\d ms  500  http_status\n    ok$", shown.stdout,
                          re.MULTILINE)) == 3, shown.stdout

    retried = run("retry", failed["delivery_id"], environment=access)
    assert retried.returncode == 0, retried.stderr
    assert account.settled(webhook, "delivered")[0]["attempt_number"] == 4
    unknown = run("retry", "01956f3c-7d80-7000-8000-000000000400", environment=access)
    assert unknown.returncode == 1 and "(404)" in unknown.stderr


def test_replay(access, account, receiver):
    from harness.receiver import closed_port

    account.publish_many(1002)  # more than one request replays
    webhook = account.webhook(receiver.url())
    span = ["--since", "2026-01-01T00:00:00Z"]
    counted = run("replay", *span, "--dry-run", environment=access)
    assert (counted.returncode, counted.stdout) == (0, "1002 events would be sent again\n")
    assert run("replay", *span, "--until", "2026-01-02T00:00:00Z", "--json", "--dry-run",
               environment=access).stdout == '{"would_replay":0}\n'
    done = run("replay", *span, "--json", environment=access)
    assert (done.returncode, done.stdout) == (0, '{"replayed":1002}\n'), done.stderr
    assert account.get(f"/webhooks/{webhook['id']}/deliveries").json["meta"]["total"] == 1002
    assert run("replay", environment=access).returncode == 2
    wrong = run("replay", "--since", "yesterday", environment=access)
    assert wrong.returncode == 1 and "valid date" in wrong.stderr
    nobody = {**access, "SKYHOOK_SERVER": f"http://127.0.0.1:{closed_port()}"}
    assert run("replay", *span, environment=nobody).returncode == 1


def test_several_webhooks_have_to_be_told_apart(access, account, receiver):
    assert "no webhook" in run("deliveries", environment=access).stderr
    first = account.webhook(receiver.url(), name="First")
    account.webhook(receiver.url(), name="Second")
    asked = run("deliveries", environment=access)
    assert asked.returncode == 2
    assert "First" in asked.stderr and "Second" in asked.stderr
    assert run("deliveries", "--webhook", first["id"], environment=access).returncode == 0


def test_wrong_key(access):
    result = run("deliveries", "--key", "sk_live_wrong", environment=access)
    assert result.returncode == 1 and "Unauthenticated" in result.stderr
    result = run("deliveries", environment={"SKYHOOK_SERVER": access["SKYHOOK_SERVER"]})
    assert result.returncode == 2 and "SKYHOOK_API_KEY" in result.stderr


def test_health(access):
    assert run("health", environment=access).returncode == 0
    assert run("health", "--server", "http://127.0.0.1:1").returncode == 1


# --- listen -----------------------------------------------------------------------------------------


class Listener:
    def __init__(self, directory, access, receiver, *arguments, secret=SECRET):
        self.output = directory / "listen.log"
        self.arguments = [str(BINARY), "listen", "--forward", receiver.url("/local"), "--state",
                          str(directory / "state.json"), *map(str, arguments)]
        if secret:
            self.arguments += ["--secret", secret]
        self.environment = clean_environment(**access)
        self.process = None

    def start(self):
        self.output.touch()
        before = self.text().count("Listening to")
        with open(self.output, "ab") as stream:
            self.process = subprocess.Popen(self.arguments, env=self.environment, stdout=stream,
                                            stderr=stream)
        eventually(lambda: self.text().count("Listening to") > before or self.ended(),
                   what="listen to begin")
        assert not self.ended(), self.text()
        return self

    def ended(self):
        return self.process.poll() is not None

    def text(self):
        return self.output.read_text(errors="replace")

    def stop(self):
        if self.process and not self.ended():
            self.process.terminate()
            assert self.process.wait(10) == 0


@pytest.fixture
def make_listener(tmp_path):
    made = []

    def make(*arguments, **keywords):
        made.append(Listener(tmp_path, *arguments, **keywords))
        return made[-1].start()

    yield make
    for listener in made:
        listener.stop()


def ids(receiver):
    return [request.delivery_id for request in receiver.requests]


def publish_each(account, count):
    return [account.publish(data={"n": number})["id"] for number in range(count)]


def test_listen_forwards_live_and_signed(access, account, make_receiver, make_listener, tmp_path):
    remote, local = make_receiver(), make_receiver()
    webhook = account.webhook(remote.url())
    account.publish(data={"n": "before"})
    account.settled(webhook, "delivered")
    listener = make_listener(access, local)
    publish_each(account, 5)
    local.wait(5)
    # The very deliveries, body for body, with a signature that the local code can verify.
    assert sorted(ids(local)) == sorted(ids(remote)[1:])
    bodies = {request.delivery_id: request.body for request in remote.requests}
    for request in local.requests:
        assert request.body == bodies[request.delivery_id]
    assert verify(tmp_path, raw_request(local.requests[0]), SECRET) == (0, {"none"})
    eventually(lambda: listener.text().count("-> 200") == 5, what="five lines")


def test_listen_makes_a_secret_where_none_is_given(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local, secret=None)
    made = eventually(lambda: re.search(r"^whsec_\S+$", listener.text(), re.MULTILINE), what="the secret")
    account.publish()
    assert signed_by({"secret": made.group()}, local.wait(1)[0])


def test_listen_signs_with_an_ed25519_key_that_it_makes_and_prints(access, account, make_receiver, make_listener,
                                                                   tmp_path):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local, "--ed25519-key", "new")
    made = eventually(lambda: re.search(r"^(whsk_\S+)\n.*\n(whpk_\S+)$", listener.text(), re.MULTILINE), what="the key")
    account.publish()
    request = raw_request(local.wait(1)[0])
    assert verify(tmp_path, request, SECRET, "--public-key", made.group(2)) == (0, {"none"})
    # The next run takes the same key.
    trigger = run("trigger", "booking.created", "--to", local.url(), "--secret", SECRET, "--ed25519-key", made.group(1))
    assert trigger.returncode == 0
    assert verify(tmp_path, raw_request(local.wait(2)[1]), SECRET, "--public-key", made.group(2)) == (0, {"none"})


def test_listen_shows_what_the_laptop_answers(access, account, make_receiver, make_listener):
    from harness.receiver import status

    remote, local = make_receiver(), make_receiver(status(422, body=b"no such contact\n"))
    account.webhook(remote.url())
    listener = make_listener(access, local)
    account.publish()
    eventually(lambda: "-> 422" in listener.text() and "    no such contact\n" in listener.text(),
               what="the answer")
    # An error of the local code is shown, not repeated: the next delivery comes after it.
    account.publish()
    local.wait(2)
    assert len(set(ids(local))) == 2


def test_listen_loses_nothing_while_the_server_is_away(make_server, make_receiver, make_listener):
    server = make_server("--retry-schedule", "200ms")
    account = server.account()
    remote, local = make_receiver(), make_receiver()
    webhook = account.webhook(remote.url())
    access = {"SKYHOOK_SERVER": f"http://127.0.0.1:{server.port}", "SKYHOOK_API_KEY": account.key}
    listener = make_listener(access, local)
    publish_each(account, 2)
    local.wait(2)
    server.kill()
    eventually(lambda: "trying again" in listener.text(), 30, "the listener to notice")
    server.start()
    publish_each(account, 3)
    local.wait(5, timeout=40)
    account.settled(webhook, "delivered", count=5)
    assert sorted(ids(local)) == sorted(set(ids(remote)))


def test_listen_goes_on_where_it_stopped(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    publish_each(account, 2)
    local.wait(2)
    eventually(lambda: listener.text().count("-> 200") == 2, what="both lines")
    listener.stop()
    publish_each(account, 120)  # more than one page of the log
    remote.wait(122)
    listener.start()
    assert "Going on" in listener.text()
    local.wait(122, timeout=60)
    assert sorted(ids(local)) == sorted(ids(remote))
    assert len(set(ids(local))) == 122


def test_listen_killed_goes_on_where_it_was(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    publish_each(account, 20)
    local.wait(5)
    listener.process.kill()
    listener.process.wait(10)
    publish_each(account, 5)
    remote.wait(25)
    listener.start()
    eventually(lambda: set(ids(local)) == set(ids(remote)), 30, "everything")
    assert len(ids(local)) <= 26, "twice at most what was under way"


def test_listen_knows_a_webhook_that_was_made_while_it_was_stopped(access, account, make_receiver,
                                                                   make_listener):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    listener.stop()
    account.webhook(remote.url(), events=["contact.updated"])
    account.publish("contact.updated")
    remote.wait(1)
    listener.start()
    local.wait(1)


def test_listen_knows_a_webhook_that_was_made_just_before_it_was_stopped(access, account, make_receiver,
                                                                         make_listener):
    """Before it has asked for the list again, though it has kept its position since."""
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    account.webhook(remote.url(), events=["contact.updated"])
    account.publish()
    local.wait(1)
    eventually(lambda: "-> 200" in listener.text(), what="its line")
    listener.stop()
    account.publish("contact.updated")
    remote.wait(2)
    listener.start()
    local.wait(2)
    assert sorted(ids(local)) == sorted(ids(remote))


def stopped_ago(directory, minutes):
    """Lets the last run have stopped that long ago."""
    state = directory / "state.json"
    saved = json.loads(state.read_text())
    saved["saved_at"] -= minutes * 60 * 1_000_000
    state.write_text(json.dumps(saved))


def test_listen_goes_on_after_ten_minutes(access, account, make_receiver, make_listener, tmp_path):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    listener.stop()
    stopped_ago(tmp_path, minutes=10)
    account.publish()
    remote.wait(1)
    listener.start()
    local.wait(1)


def test_listen_counts_a_stop_from_its_last_sign_of_life(access, account, make_receiver, make_listener,
                                                         tmp_path):
    """While a delivery waits for the local server its time goes on being kept."""
    remote, local = make_receiver(), make_receiver(listening=False)
    account.webhook(remote.url())
    listener = make_listener(access, local)
    account.publish()
    eventually(lambda: "waiting for it" in listener.text(), what="the listener to notice")

    def saved_at():
        return json.loads((tmp_path / "state.json").read_text())["saved_at"]

    before = saved_at()
    eventually(lambda: saved_at() > before, what="a later time")
    listener.stop()
    local.open()
    listener.start()
    local.wait(1)


def test_listen_says_when_too_much_time_has_passed(access, account, make_receiver, make_listener,
                                                   tmp_path):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    listener.stop()
    stopped_ago(tmp_path, minutes=16)
    account.publish(data={"n": "missed"})
    remote.wait(1)
    listener.start()
    assert "beginning with what is new now" in listener.text()
    account.publish(data={"n": "new"})
    local.wait(1)
    assert local.requests[0].json["data"] == {"n": "new"}


def test_listen_lets_a_deleted_webhook_go(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    kept, gone = account.webhook(remote.url()), account.webhook(remote.url())
    everything = make_listener(access, local)
    assert account.delete(f"/webhooks/{gone['id']}").status == 204
    account.publish()
    local.wait(1)
    assert "(404)" not in everything.text()
    everything.stop()
    one = make_listener(access, local, "--webhook", kept["id"])
    assert account.delete(f"/webhooks/{kept['id']}").status == 204
    eventually(one.ended, 40, "the end, with nothing left to follow")
    assert one.process.returncode == 1
    assert f"the account has no webhook {kept['id']}" in one.text()


def test_listen_ends_when_its_key_does(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    account.webhook(remote.url())
    listener = make_listener(access, local)
    account.server.operator("POST", f"/accounts/{account.id}/regenerate-key")
    eventually(listener.ended, 40, "the end")
    assert listener.process.returncode == 1
    assert listener.text().count("Unauthenticated") == 1


def test_listen_waits_for_the_laptops_own_server(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver(listening=False)
    account.webhook(remote.url())
    listener = make_listener(access, local)
    publish_each(account, 3)
    eventually(lambda: "waiting for it" in listener.text(), what="the listener to notice")
    local.open()
    local.wait(3)
    assert sorted(ids(local)) == sorted(ids(remote))
    assert listener.text().count("waiting for it") == 1


def test_listen_to_some_events_of_one_webhook(access, account, make_receiver, make_listener):
    remote, local = make_receiver(), make_receiver()
    chosen = account.webhook(remote.url(), events=["contact.created", "contact.updated"])
    account.webhook(remote.url(), events=["contact.created"])
    make_listener(access, local, "--webhook", chosen["id"], "--events", "contact.updated")
    account.publish("contact.created")
    account.publish("contact.updated")
    remote.wait(3)
    local.wait(1)
    assert [request.json["event"] for request in local.requests] == ["contact.updated"]


def test_listen_refuses_what_cannot_work(access):
    none = run("listen", "--forward", "http://127.0.0.1:1/", environment=access)
    assert none.returncode == 1 and "no webhook" in none.stderr
    assert run("listen", "--forward", "nonsense", environment=access).returncode == 2
    assert run("listen", environment=access).returncode == 2


# --- rekey ------------------------------------------------------------------------------------------


OLD_KEY, NEW_KEY = "1" * 64, "2" * 64
SECRET_OPTIONS = {"headers": {"X-Key": "value"}}  # kept as the signing secret is
BOTH_KEYS = {"SKYHOOK_MASTER_KEY": OLD_KEY, "SKYHOOK_NEW_MASTER_KEY": NEW_KEY}


def rekey(server, environment):
    return run("rekey", *server.store.arguments(), environment=environment)


def signed_by(webhook, request):
    digest = hmac.new(webhook["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    return request.header("X-Skylight-Signature") == "sha256=" + digest


def start_under(server, key):
    server.environment["SKYHOOK_MASTER_KEY"] = key
    return server.start(wait=False)


def test_rekey(make_store_server, receiver, tmp_path):
    server = make_store_server(SKYHOOK_MASTER_KEY=OLD_KEY)
    account = server.account()
    webhook = account.webhook(receiver.url(), options={
        **SECRET_OPTIONS, "ed25519": True, "client_certificate": Authority(tmp_path).client("skyhook")})
    path = f"/webhooks/{webhook['id']}"
    rotated = account.post(f"{path}/regenerate-secret", {"grace_period": "1h"}).data
    options = account.get(f"{path}?include=options").data["options"]
    while_running = rekey(server, BOTH_KEYS)
    assert while_running.returncode == 1, "a running server's store must not be touched"
    assert server.stop() == 0
    assert rekey(server, {"SKYHOOK_MASTER_KEY": OLD_KEY}).returncode == 2
    assert rekey(server, {**BOTH_KEYS, "SKYHOOK_NEW_MASTER_KEY": "short"}).returncode == 2
    wrong = rekey(server, {**BOTH_KEYS, "SKYHOOK_MASTER_KEY": "3" * 64})
    assert wrong.returncode == 1 and "neither" in wrong.stderr
    done = rekey(server, BOTH_KEYS)
    assert done.returncode == 0, done.stderr
    assert "1 secrets sealed" in done.stdout
    assert "0 secrets sealed under the new key, 1 were" in rekey(server, BOTH_KEYS).stdout
    start_under(server, OLD_KEY)
    assert server.process.wait(20) == 1 and "master key" in server.log()
    start_under(server, NEW_KEY).wait_ready()
    account.publish()
    request = receiver.wait(1)[0]
    assert signed_by(rotated, request) and request.header("X-Key") == "value"
    assert account.get(f"{path}?include=options").data["options"] == options
    assert verify(tmp_path, raw_request(request), rotated["secret"], "--public-key", options["ed25519"]) == (0, {"none"})
    standardwebhooks.Webhook(webhook["secret"]).verify(request.body, dict(request.headers))  # the one before signs too


def test_rekey_sees_a_running_node_whatever_its_own_clock_says(make_server, tmp_path):
    """A lease ends by the database's clock."""
    server = make_server(store=PostgresStore(tmp_path), SKYHOOK_MASTER_KEY=OLD_KEY)
    clock = Clock(build_library(tmp_path), tmp_path / "offset")
    clock.set(86_400)
    refused = rekey(server, {**BOTH_KEYS, **clock.environment})
    assert refused.returncode == 1 and "stop" in refused.stderr, refused
    assert server.stop() == 0
    assert rekey(server, {**BOTH_KEYS, **clock.environment}).returncode == 0


def test_rekey_seals_what_was_stored_without_a_key(make_store_server, receiver):
    server = make_store_server()
    account = server.account()
    webhook = account.webhook(receiver.url(), options=SECRET_OPTIONS)
    assert server.stop() == 0
    done = rekey(server, {"SKYHOOK_NEW_MASTER_KEY": NEW_KEY})
    assert done.returncode == 0 and "1 secrets sealed" in done.stdout, done.stdout + done.stderr
    assert server.start(wait=False).process.wait(20) == 1, "they open with the new key only"
    start_under(server, NEW_KEY).wait_ready()
    account.publish()
    request = receiver.wait(1)[0]
    assert signed_by(webhook, request) and request.header("X-Key") == "value"


def test_rekey_goes_on_after_a_failure(make_server, receiver, tool):
    """The store fails at the third of five secrets, as a full disk would."""
    server = make_server(SKYHOOK_MASTER_KEY=OLD_KEY)
    account = server.account()
    webhooks = [account.webhook(receiver.url()) for _ in range(5)]
    assert server.stop() == 0

    def sql(statement):
        subprocess.run([tool("sqlite3"), str(server.directory / "data" / "skyhook.db"), statement],
                       check=True, timeout=30)

    sql(f"CREATE TRIGGER stop BEFORE UPDATE ON webhooks WHEN old.id = {webhooks[2]['id']} "
        "BEGIN SELECT RAISE(ABORT, 'stopped by the test'); END")
    failed = rekey(server, BOTH_KEYS)
    assert failed.returncode == 1 and "stopped by the test" in failed.stderr
    for key in (OLD_KEY, NEW_KEY):  # between the keys the server does not start with half of them
        start_under(server, key)
        assert server.process.wait(20) == 1 and "run `skyhook rekey` again" in server.log()
    sql("DROP TRIGGER stop")
    done = rekey(server, BOTH_KEYS)
    assert done.returncode == 0 and "3 secrets sealed under the new key, 2 were" in done.stdout
    start_under(server, NEW_KEY).wait_ready()
    account.publish()
    requests = receiver.wait(5)
    assert all(any(signed_by(webhook, request) for request in requests) for webhook in webhooks)


def test_rekey_goes_on_after_a_kill(make_server, receiver, tmp_path):
    """Killed while it waits for the third of five secrets, which another session has locked."""
    store = PostgresStore(tmp_path)
    server = make_server(store=store, SKYHOOK_MASTER_KEY=OLD_KEY)
    account = server.account()
    webhooks = [account.webhook(receiver.url()) for _ in range(5)]
    assert server.stop() == 0
    session = subprocess.Popen(["psql", "-qXAt", store.url()], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        session.stdin.write("BEGIN; SELECT webhook_id FROM skyhook.webhooks "
                            f"WHERE webhook_id = {webhooks[2]['id']} FOR UPDATE;\n")
        session.stdin.flush()
        assert session.stdout.readline().strip() == str(webhooks[2]["id"])
        command = subprocess.Popen([str(BINARY), "rekey", *store.arguments()],
                                   env=clean_environment(**BOTH_KEYS))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: store.sql(waits) == "1", what="the wait for the lock")
        command.send_signal(signal.SIGKILL)
        command.wait(10)
    finally:
        session.stdin.close()
        session.wait(10)
    # The statement under way is the database's to finish once the lock is gone.
    eventually(lambda: store.sql(waits) == "0", what="the end of the statement")
    done = rekey(server, BOTH_KEYS)
    assert done.returncode == 0 and "2 secrets sealed under the new key, 3 were" in done.stdout, (
        done.stdout + done.stderr)
    start_under(server, NEW_KEY).wait_ready()
    account.publish()
    requests = receiver.wait(5)
    assert all(any(signed_by(webhook, request) for request in requests) for webhook in webhooks)


# --- manual page and completions ----------------------------------------------------------------------


def test_manual_and_completions_say_what_the_binary_says(root, tool):
    result = subprocess.run([tool("python3"), "-B", str(root / "packaging/make_cli_pages.py"), str(BINARY),
                             "--check"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_manual_page_is_well_formed(root, tool):
    result = subprocess.run([tool("mandoc"), "-Tlint", "-W", "warning", str(root / "man/skyhook.1")],
                            capture_output=True, text=True, timeout=60)
    # It is made anew with every change of the commands, and has no date of its own.
    complaints = [line for line in result.stdout.splitlines() if "missing date" not in line]
    assert not complaints and result.returncode in (0, 2), result.stdout + result.stderr


@pytest.mark.parametrize("shell,file", [("bash", "skyhook.bash"), ("zsh", "_skyhook"),
                                        ("fish", "skyhook.fish")])
def test_completions_are_read_by_their_shells(shell, file, root, tool):
    subprocess.run([tool(shell), "-n", str(root / "completions" / file)], check=True, timeout=60)


def test_bash_completes(root, tool):
    script = (f'source {root}/completions/skyhook.bash; complete_words() {{ COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($#-1)); _skyhook; echo "${COMPREPLY[@]}"; }; '
              'complete_words skyhook li; complete_words skyhook deliveries --status ""; '
              'complete_words skyhook account create --na; complete_words skyhook trigger ticket.')
    result = subprocess.run([tool("bash"), "-c", script], capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == ["listen", "pending delivered failed", "--name",
                                          "ticket.created ticket.replied"], result.stderr


@pytest.mark.parametrize("line,expected", [
    ("skyhook li", {"listen"}),
    ("skyhook account ", {"create"}),
    ("skyhook account create --na", {"--name"}),
    ("skyhook deliveries --stat", {"--status"}),
    ("skyhook deliveries --status ", {"pending", "delivered", "failed"}),
    ("skyhook trigger ticket.", {"ticket.created", "ticket.replied"}),
])
def test_fish_completes(line, expected, root, tool):
    script = f"source {root}/completions/skyhook.fish; complete -C '{line}'"
    result = subprocess.run([tool("fish"), "--no-config", "-c", script], capture_output=True, text=True,
                            timeout=60)
    assert {row.split("\t")[0] for row in result.stdout.splitlines()} == expected, result.stderr


class Zsh:
    """An interactive zsh on a terminal of its own, with the completion that the package installs."""

    def __init__(self, program, completions):
        self.terminal, side = pty.openpty()
        self.process = subprocess.Popen(
            [program, "-f", "-i"], stdin=side, stdout=side, stderr=side, start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm", "COLUMNS": "100"})
        os.close(side)
        self.send(f"fpath=({completions} $fpath); autoload -Uz compinit; compinit -D -u; "
                  "PS1=; echo ready$((20+3))\n", "ready23")

    def send(self, keys, expected):
        """Types; what the terminal shows from then on, up to and with `expected`."""
        os.write(self.terminal, keys.encode())
        shown = b""

        def there():
            nonlocal shown
            if select.select([self.terminal], [], [], 0)[0]:
                shown += os.read(self.terminal, 65536)
            return expected.encode() in shown

        eventually(there, 30, f"'{expected}' after '{keys}'")
        return shown.decode(errors="replace")

    def close(self):
        self.process.kill()
        self.process.wait(10)
        os.close(self.terminal)


def test_zsh_completes(root, tool):
    shell = Zsh(tool("zsh"), root / "completions")
    try:
        # A single match is typed out; of several the list is shown. Ctrl-U clears the line.
        shell.send("skyhook lis\t", "listen")
        shell.send("\x15skyhook account create --na\t", "--name")
        shell.send("\x15skyhook deliveries --status fa\t", "failed")
        shell.send("\x15skyhook trigger ticket.r\t", "ticket.replied")
        shell.send("\x15skyhook ver\t", "verify")
        shell.send("\x15skyhook re\t\t", "deliver once more")  # the summaries are in the list
    finally:
        shell.close()
