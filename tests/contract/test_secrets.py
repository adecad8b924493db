"""Contract section 3 and 1: what is stored of secrets, and what is told of them."""

import base64
import hashlib
import json
import os
import re
import secrets
import stat

import pytest
from harness.receiver import status
from harness.signatures import assert_signed

needs_files = pytest.mark.skipif(os.environ.get("SKYHOOK_TEST_STORE", "sqlite") != "sqlite",
                                 reason="looks into the embedded store's files")


def everything_stored(server):
    return b"".join(path.read_bytes() for path in server.store.directory.rglob("*")
                    if path.is_file())


def live(make_server, make_receiver, **environment):
    server = make_server(**environment)
    account = server.account()
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url())
    account.publish(data={"marker": "payload-of-a-customer"})
    return server, account, receiver, webhook


@needs_files
def test_secrets_are_encrypted_under_the_master_key(make_server, make_receiver):
    master = secrets.token_hex(32)
    server, account, receiver, webhook = live(make_server, make_receiver,
                                              SKYHOOK_MASTER_KEY=master)
    receiver.wait(1)
    new = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    for _ in range(2):  # while it runs, and after it has ended
        stored = everything_stored(server)
        for secret in (webhook["secret"], new):
            bare = secret.removeprefix("whsec_")
            assert bare.encode() not in stored
            assert base64.b64decode(bare) not in stored
        assert account.key.encode() not in stored
        assert server.operator_token.encode() not in stored
        assert master.encode() not in stored and bytes.fromhex(master) not in stored
        if server.process.poll() is None:
            assert server.stop() == 0


def test_encrypted_secrets_sign_after_a_restart(make_server, make_receiver):
    server = make_server(SKYHOOK_MASTER_KEY=base64.b64encode(os.urandom(32)).decode())
    account = server.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    server.restart()
    account.publish()
    assert_signed(receiver.wait(1)[0], webhook["secret"])


@pytest.mark.parametrize("other", ["0" * 64, None])
def test_another_master_key_is_refused_at_start(make_server, receiver, other):
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    server.account().webhook(receiver.url())
    assert server.stop() == 0
    if other:
        server.environment["SKYHOOK_MASTER_KEY"] = other
    else:
        del server.environment["SKYHOOK_MASTER_KEY"]
    server.start(wait=False)
    assert server.process.wait(20) not in (0, -11, -6)
    assert "master key" in server.log().lower()


@needs_files
def test_only_a_hash_of_the_key_is_stored(make_server):
    server = make_server()
    account = server.account()
    assert server.stop() == 0
    stored = everything_stored(server)
    assert account.key.encode() not in stored
    assert hashlib.sha256(account.key.encode()).digest() in stored


@needs_files
def test_files_are_for_their_owner_alone(make_server, receiver):
    old = os.umask(0)
    try:
        server = make_server()
    finally:
        os.umask(old)
    account = server.account()
    account.webhook(receiver.url())
    account.publish()
    files = [path for path in server.store.directory.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(server.store.directory.stat().st_mode) & 0o077 == 0


@needs_files
def test_the_operator_token_is_made_where_none_is_given(make_server):
    server = make_server(start=False)
    del server.environment["SKYHOOK_OPERATOR_TOKEN"]
    server.start()
    tokens = {}
    for path in server.store.directory.rglob("*"):
        if path.is_file():
            found = re.fullmatch(rb"op_[A-Za-z0-9]{40}\s*", path.read_bytes())
            if found:
                tokens[path] = found.group(0).strip().decode()
    ((path, token),) = tokens.items()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.operator("GET", "/accounts", token=token).status == 200
    assert token not in server.log()
    server.restart()
    assert server.operator("GET", "/accounts", token=token).status == 200
    # As docs/operating.md rotates it: without the file a new one is made, and the old opens nothing.
    assert server.stop() == 0
    path.unlink()
    server.start()
    renewed = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.operator("GET", "/accounts", token=renewed).status == 200
    assert server.operator("GET", "/accounts", token=token).status == 401


def test_nothing_secret_is_logged(make_server, make_receiver):
    master = secrets.token_hex(32)
    server, account, receiver, webhook = live(make_server, make_receiver,
                                              SKYHOOK_MASTER_KEY=master)
    receiver.wait(1)
    new = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    account.post("/webhooks", body=json.dumps({"name": account.key, "url": 5}).encode())
    account.get("/webhooks", headers={"Authorization": "Bearer sk_live_" + "w" * 40})
    server.operator("GET", "/accounts", token="op_" + "w" * 40)
    assert server.stop() == 0
    log = server.log()
    assert log, "it logs something"
    for word in (account.key, webhook["secret"], new, server.operator_token, master,
                 "sk_live_", "whsec_", "op_" + "w" * 40, "payload-of-a-customer"):
        assert word not in log
