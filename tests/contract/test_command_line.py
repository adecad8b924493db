"""Contract section 6: the commands, end to end."""

import json
import re
import signal

import pytest
from harness import http
from harness.polling import eventually
from harness.ports import free_port
from harness.receiver import status
from harness.server import run


def operator_environment(server):
    return {"SKYHOOK_OPERATOR_TOKEN": server.operator_token,
            "SKYHOOK_SERVER": f"http://127.0.0.1:{server.port}"}


def create_account(server, name="By command"):
    result = run("account", "create", "--name", name, environment=operator_environment(server))
    assert result.returncode == 0, result
    key = re.search(r"sk_live_[A-Za-z0-9]{40}", result.stdout).group(0)
    identifier = re.search(r"\b\d+\b", result.stdout.replace(key, "")).group(0)
    return int(identifier), key


@pytest.mark.parametrize("arguments", [
    ["--help"], ["serve", "--help"], ["account", "--help"], ["account", "create", "--help"],
    ["publish", "--help"], ["receive", "--help"]])
def test_help_teaches(arguments):
    result = run(*arguments)
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) > 5
    assert result.stderr == ""


def test_serve_help_names_every_setting():
    text = run("serve", "--help").stdout
    for flag, variable in (
            ("--listen", "SKYHOOK_LISTEN"), ("--data", "SKYHOOK_DATA"),
            ("--database-url", "SKYHOOK_DATABASE_URL"),
            ("--allow-http", "SKYHOOK_ALLOW_HTTP"), ("--allow-network", "SKYHOOK_ALLOW_NETWORKS"),
            ("--retry-schedule", "SKYHOOK_RETRY_SCHEDULE"), ("--timeout", "SKYHOOK_TIMEOUT"),
            ("--rate-limit", "SKYHOOK_RATE_LIMIT"), ("--master-key", "SKYHOOK_MASTER_KEY"),
            ("--operator-token", "SKYHOOK_OPERATOR_TOKEN"), ("--log", "SKYHOOK_LOG")):
        assert flag in text and variable in text


def test_version():
    assert re.search(r"\d+\.\d+\.\d+", run("--version").stdout)


@pytest.mark.parametrize("arguments", [["nonsense"], ["account", "nonsense"], ["publish"],
                                       ["receive", "--listen", "nonsense"], ["account", "create"]])
def test_a_wrong_command_is_status_2(arguments):
    result = run(*arguments)
    assert result.returncode == 2, result
    assert result.stderr.strip()


def test_account_create(server):
    identifier, key = create_account(server)
    answer = server.request("GET", "/api/v1/webhooks", headers={"X-Api-Key": key})
    assert answer.status == 200
    assert server.operator("GET", f"/accounts/{identifier}").data["name"] == "By command"


def test_publish_and_receive(server, start_command, tmp_path):
    """The three commands together: create an account, publish, see it verified."""
    identifier, key = create_account(server)
    port = free_port()
    webhook = server.request(
        "POST", "/api/v1/webhooks", headers={"X-Api-Key": key},
        json_body={"name": "Laptop", "url": f"http://127.0.0.1:{port}/hook",
                   "events": ["contact.created"]}).data
    output = tmp_path / "receive.txt"
    process = start_command("receive", "--secret", webhook["secret"], "--listen",
                            f"127.0.0.1:{port}", output=output)
    eventually(lambda: str(port) in output.read_text(), what="the receiver's greeting")
    data_file = tmp_path / "data.json"
    data_file.write_text('{"from":"a file"}')
    for data in ('{"name":"Ada"}', f"@{data_file}"):
        result = run("publish", "--account", identifier, "--event", "contact.created", "--data",
                     data, environment=operator_environment(server))
        assert result.returncode == 0, result
        assert re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", result.stdout)
    eventually(lambda: "Ada" in output.read_text() and "a file" in output.read_text())
    text = output.read_text()
    assert "contact.created" in text
    assert webhook["secret"] not in text
    assert text.count("Signature: verified") == 2
    assert text.count("webhook-signature: verified") == 2
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0


def test_receive_tells_forged_deliveries(start_command, tmp_path):
    port = free_port()
    output = tmp_path / "receive.txt"
    start_command("receive", "--secret", "whsec_" + "A" * 64, "--listen", f"127.0.0.1:{port}",
                  output=output)
    eventually(lambda: str(port) in output.read_text())
    forged = http.request(port, "POST", "/", b'{"event":"contact.created","data":{}}', {
        "Content-Type": "application/json", "X-Skylight-Event": "contact.created",
        "X-Skylight-Signature": "sha256=" + "0" * 64, "webhook-id": "x", "webhook-timestamp": "1",
        "webhook-signature": "v1,AAAA"})
    assert forged.status >= 400
    before = output.read_text()
    assert re.search(r"invalid|not valid|mismatch|wrong|does not|bad|failed|✗", before, re.I)


def test_receive_can_fail_and_dawdle(server, start_command, tmp_path):
    account = server.account()
    port = free_port()
    webhook = account.webhook(f"http://127.0.0.1:{port}/")
    output = tmp_path / "receive.txt"
    process = start_command("receive", "--secret", webhook["secret"], "--listen",
                            f"127.0.0.1:{port}", "--fail-first", "1", "--delay", "100ms",
                            output=output)
    eventually(lambda: str(port) in output.read_text())
    account.publish()
    (entry,) = account.settled(webhook, "delivered")
    assert entry["attempt_number"] == 2
    first, second = account.detail(webhook, entry["delivery_id"])["attempts"]
    assert first["response_status_code"] == 500
    assert first["duration_ms"] >= 100 and second["duration_ms"] >= 100
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_the_token_is_found_in_the_data_directory(make_server):
    server = make_server(start=False)
    if not server.store.arguments()[0] == "--data":
        pytest.skip("no data directory")
    del server.environment["SKYHOOK_OPERATOR_TOKEN"]
    server.start()
    result = run("account", "create", "--name", "Local", "--data", server.store.directory,
                 "--server", f"http://127.0.0.1:{server.port}")
    assert result.returncode == 0, result
    assert "sk_live_" in result.stdout


def test_publish_says_what_is_wrong(server):
    environment = operator_environment(server)
    identifier, _ = create_account(server)
    for arguments, word in (
            (["--account", identifier, "--event", "nonsense", "--data", "{}"], "event"),
            (["--account", 9_000_000_000, "--event", "contact.created", "--data", "{}"], "ccount"),
            (["--account", identifier, "--event", "contact.created", "--data", "{"], ""),
            (["--account", identifier, "--event", "contact.created", "--data", "@/no/file"],
             "/no/file")):
        result = run("publish", *arguments, environment=environment)
        assert result.returncode not in (0, -6, -11), result
        assert result.stderr.strip() and word in result.stderr


def test_a_server_that_is_not_there():
    result = run("account", "create", "--name", "x",
                 environment={"SKYHOOK_SERVER": f"http://127.0.0.1:{free_port()}",
                              "SKYHOOK_OPERATOR_TOKEN": "op_" + "x" * 40})
    assert result.returncode not in (0, 2, -6, -11)
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_wrong_token(server):
    environment = {**operator_environment(server), "SKYHOOK_OPERATOR_TOKEN": "op_" + "x" * 40}
    result = run("account", "create", "--name", "x", environment=environment)
    assert result.returncode not in (0, -6, -11)
    assert "op_xxxx" not in result.stderr


def test_published_json_arrives_as_it_was_given(server, make_receiver):
    identifier, key = create_account(server)
    receiver = make_receiver(status(200))
    server.request("POST", "/api/v1/webhooks", headers={"X-Api-Key": key},
                   json_body={"name": "x", "url": receiver.url(), "events": ["ticket.replied"]})
    data = '{ "n": 1.00, "ü": "\\u00fc" }'
    result = run("publish", "--account", identifier, "--event", "ticket.replied", "--data", data,
                 environment=operator_environment(server))
    assert result.returncode == 0, result
    (request,) = receiver.wait(1)
    assert request.body.endswith(b',"data":' + data.encode() + b"}")
    assert json.loads(request.body)["data"]["n"] == 1.0
