"""Contract section 6: settings, where they come from, and wrong ones."""

import pathlib
import re

import pytest
from harness.receiver import status
from harness.server import run

WRONG = [
    (["--listen", "nonsense"], {}, None, "--listen"),
    (["--listen", "127.0.0.1:99999"], {}, None, "--listen"),
    (["--timeout", "soon"], {}, None, "--timeout"),
    (["--timeout", "0s"], {}, None, "--timeout"),
    (["--timeout", "-1s"], {}, None, "--timeout"),
    (["--retry-schedule", "2m,later"], {}, None, "--retry-schedule"),
    (["--retry-schedule", ",".join(["1s"] * 21)], {}, None, "--retry-schedule"),
    (["--rate-limit", "-1"], {}, None, "--rate-limit"),
    (["--rate-limit", "many"], {}, None, "--rate-limit"),
    (["--allow-network", "300.0.0.0/8"], {}, None, "--allow-network"),
    (["--allow-network", "10.0.0.0/33"], {}, None, "--allow-network"),
    (["--log", "loud"], {}, None, "--log"),
    (["--ca-file", "/does/not/exist.pem"], {}, None, "--ca-file"),
    (["--header-prefix", "X Bad:"], {}, None, "--header-prefix"),
    (["--database-url", "mysql://x"], {}, None, "--database-url"),
    (["--config", "/does/not/exist.toml"], {}, None, "--config"),
    (["--no-such-flag"], {}, None, "--no-such-flag"),
    (["--timeout"], {}, None, "--timeout"),
    (["surplus"], {}, None, "surplus"),
    ([], {"SKYHOOK_LISTEN": "nonsense"}, None, "SKYHOOK_LISTEN"),
    ([], {"SKYHOOK_TIMEOUT": "30 parsecs"}, None, "SKYHOOK_TIMEOUT"),
    ([], {"SKYHOOK_RETRY_SCHEDULE": "x"}, None, "SKYHOOK_RETRY_SCHEDULE"),
    ([], {"SKYHOOK_RATE_LIMIT": "1e3"}, None, "SKYHOOK_RATE_LIMIT"),
    ([], {"SKYHOOK_ALLOW_HTTP": "perhaps"}, None, "SKYHOOK_ALLOW_HTTP"),
    ([], {"SKYHOOK_ALLOW_NETWORKS": "127.0.0.0/8,home"}, None, "SKYHOOK_ALLOW_NETWORKS"),
    ([], {"SKYHOOK_MASTER_KEY": "too short"}, None, "SKYHOOK_MASTER_KEY"),
    ([], {"SKYHOOK_LOG": "loud"}, None, "SKYHOOK_LOG"),
    (["--kafka-brokers", "127.0.0.1:9092"], {}, None, "kafka_topic"),
    (["--kafka-topic", "events"], {}, None, "kafka_brokers"),
    (["--kafka-group", "mine"], {}, None, "kafka_group"),
    (["--kafka-account", "header"], {}, None, "kafka_account"),
    ([], {"SKYHOOK_KAFKA_PROPERTIES": "sasl.password=secret"}, None, "kafka_properties"),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "a", "--kafka-dead-letter-topic", "a"], {}, None,
     "kafka_dead_letter_topic"),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "a", "--kafka-property", "colour=red"], {}, None,
     "'colour'"),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "a"],
     {"SKYHOOK_KAFKA_PROPERTIES": "session.timeout.ms=s3cr3t"}, None, "'session.timeout.ms'"),
    ([], {}, "timeout = 'soon'", "timeout"),
    ([], {}, "timeout = ", "toml"),
    ([], {}, "timeuot = '30s'", "timeuot"),
    ([], {}, "rate_limit = 'many'", "rate_limit"),
    ([], {}, "[[event_types]]\nname = 'not a name'\ndescription = 'x'", "event_types"),
]


@pytest.mark.parametrize("flags,environment,toml,named", WRONG,
                         ids=[" ".join(flags) or str(environment or toml)
                              for flags, environment, toml, _ in WRONG])
def test_a_wrong_value_is_one_line_and_exit_status_2(tmp_path, flags, environment, toml, named):
    data = tmp_path / "data"
    arguments = ["serve", "--data", data, *flags]
    if toml is not None:
        (tmp_path / "skyhook.toml").write_text(toml)
        arguments += ["--config", tmp_path / "skyhook.toml"]
    result = run(*arguments, environment=environment)
    assert result.returncode == 2, result
    output = (result.stdout + result.stderr).strip()
    assert len(output.splitlines()) == 1, output
    assert named in output and "s3cr3t" not in output
    assert not data.exists(), "nothing is opened before the settings are known to be good"


ROWS = [re.findall(r"`([^`]+)`", line)[:3] for line in
        (pathlib.Path(__file__).resolve().parents[2] / "docs/settings.md").read_text().splitlines()
        if line.startswith("| `--")]


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_every_setting_is_judged_from_every_source(tmp_path, source):
    """One character that no setting takes but `--data`, which may be any path."""
    assert len(ROWS) > 20
    file = tmp_path / "skyhook.toml"
    for usage, variable, *rest in ROWS:
        flag, key = usage.split()[0], variable.removeprefix("SKYHOOK_").lower()
        if flag == "--data":
            continue
        file.write_text(f'{key} = "\\u0001"\n' if source == "file" else "")
        result = run(
            "serve", "--data", tmp_path / "data", "--config", file,
            *([f"{flag}=\x01"] if source == "flag" else []),
            environment={variable: "\x01"} if source == "variable" else {})
        assert result.returncode == 2, (usage, result)
        assert len(result.stderr.splitlines()) == 1 and result.stdout == "", (usage, result)
        assert {"flag": flag, "variable": variable, "file": key}[source] in result.stderr
        assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["serve", "rekey", "bench"])
def test_two_stores_are_one_too_many(tmp_path, command):
    result = run(command, "--data", tmp_path / "data", "--database-url", "postgres://db.example/skyhook")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "--data and --database-url" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_wrong_master_key_is_not_shown():
    result = run("serve", environment={"SKYHOOK_MASTER_KEY": "my-dear-secret"})
    assert result.returncode == 2
    assert "my-dear-secret" not in result.stdout + result.stderr


def limit_of(server):
    return server.account().get("/webhooks").headers["x-ratelimit-limit"]


def test_flags_win_over_environment_over_file(make_server, tmp_path):
    file = tmp_path / "skyhook.toml"
    file.write_text('rate_limit = 11\nsender_name = "From the file"\n')
    assert limit_of(make_server("--config", str(file))) == "11"
    assert limit_of(make_server("--config", str(file), SKYHOOK_RATE_LIMIT="22")) == "22"
    assert limit_of(make_server("--config", str(file), "--rate-limit", "33",
                                SKYHOOK_RATE_LIMIT="22")) == "33"


def test_all_by_environment(make_server, make_receiver):
    server = make_server(
        local=False, SKYHOOK_ALLOW_HTTP="1", SKYHOOK_ALLOW_NETWORKS="127.0.0.0/8,10.0.0.0/8",
        SKYHOOK_RETRY_SCHEDULE="100ms", SKYHOOK_TIMEOUT="1s", SKYHOOK_RATE_LIMIT="77")
    account = server.account()
    assert account.get("/webhooks").headers["x-ratelimit-limit"] == "77"
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "failed")
    assert len(receiver.requests) == 2


def test_header_prefix_sender_and_own_events(make_server, make_receiver, tmp_path):
    file = tmp_path / "skyhook.toml"
    file.write_text("""
header_prefix = "X-Acme-"
sender_name = "Acme Cloud"

[[event_types]]
name = "invoice.paid"
description = "An invoice is paid"
""")
    account = make_server("--config", str(file)).account()
    events = account.get("/webhooks/events").data
    assert len(events) == 12
    assert events[-1] == {"event": "invoice.paid", "description": "An invoice is paid"}
    receiver = make_receiver()
    webhook = account.webhook(receiver.url(), ["invoice.paid"])
    account.publish("invoice.paid")
    account.settled(webhook, "delivered")
    account.post(f"/webhooks/{webhook['id']}/test")
    delivery, test = receiver.wait(2)
    assert delivery.header("X-Acme-Event") == "invoice.paid"
    for name in ("Delivery", "Timestamp", "Signature"):
        assert delivery.header(f"X-Acme-{name}")
        assert delivery.header(f"X-Skylight-{name}") is None
    assert test.json["data"]["message"] == (
        "This is a test delivery from Acme Cloud to verify your webhook endpoint.")
