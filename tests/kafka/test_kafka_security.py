"""TLS and SASL with a real broker: what fits is read, what does not is said, and nothing is lost by it."""

import pytest
from broker import PASSWORD, USER
from harness.certificates import Authority
from harness.polling import eventually
from harness.server import LOCAL, Skyhook
from test_kafka import EVENT, ids, records

TLS = {"security.protocol": "ssl"}
SCRAM = {"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": USER, "sasl.password": PASSWORD}


@pytest.fixture
def make_server(broker, topic, tmp_path):
    """A server that reads over this listener, its properties in a file as the documentation has them."""
    made = []

    def make(protocol, properties):
        file = tmp_path / "kafka.properties"
        trusted = {"ssl.ca.location": broker.authority.file}
        file.write_text("".join(f"{name}={value}\n" for name, value in {**trusted, **properties}.items()))
        server = Skyhook(tmp_path / f"server-{len(made)}",
                         [*LOCAL, "--kafka-brokers", broker.listener(protocol), "--kafka-topic", topic],
                         {"SKYHOOK_KAFKA_PROPERTIES_FILE": str(file)})
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def other_authority(tmp_path):
    directory = tmp_path / "other-authority"
    directory.mkdir()
    return Authority(directory)


@pytest.mark.parametrize("protocol, properties", [("SSL", TLS), ("SASL_SSL", SCRAM)])
def test_records_and_dead_letters_go_over_tls(broker, topic, make_server, receiver, protocol, properties):
    server = make_server(protocol, properties).start()
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, [*records(account, range(20)), (str(account.id), b"{broken", EVENT)])
    eventually(lambda: len(ids(receiver)) == 20, 60, "20 deliveries")
    [(_, value, headers)] = broker.read(topic + ".dead-letter", 1)
    assert value == b"{broken" and headers["skyhook-reason"] == "The value is not a JSON object."
    eventually(lambda: server.metric("skyhook_kafka_connected") == 1, 20, "told that it is connected")
    assert PASSWORD not in server.log()


def refused(other_authority):
    return {
        "wrong-password": ("SASL_SSL", {**SCRAM, "sasl.password": "not the pass word"}, "SASL authentication error"),
        "wrong-name": ("SASL_SSL", {**SCRAM, "sasl.username": "somebody"}, "SASL authentication error"),
        "other-authority": ("SSL", {**TLS, "ssl.ca.location": other_authority.file}, "certificate could not be verified"),
        "no-TLS": ("SSL", {}, "might be caused by incorrect security.protocol configuration"),
        "no-SASL": ("SASL_SSL", TLS, "broker might require SASL authentication"),
    }


@pytest.mark.parametrize("what", ["wrong-password", "wrong-name", "other-authority", "no-TLS", "no-SASL"])
def test_a_broker_that_does_not_let_it_in(broker, topic, make_server, receiver, other_authority, what):
    protocol, properties, said = refused(other_authority)[what]
    server = make_server(protocol, properties).start()
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, records(account, range(5)))
    eventually(lambda: server.log().count(said) >= 3, 60, "the reason, in the log, and two more tries")
    assert server.request("GET", "/readyz").status == 200, "everything else goes on"
    account.publish(data={"id": 999})
    eventually(lambda: 999 in ids(receiver), 10, "a delivery that has nothing to do with it")
    assert server.metric("skyhook_kafka_records_consumed_total") == 0
    assert server.metric("skyhook_kafka_partitions") == 0
    told = [line for line in server.log().splitlines() if "warning" in line and "kafka" in line]
    assert said in told[0] and len(told) <= 3, "said at once, and not again and again"
    assert "not the pass word" not in server.log()
    # Once the setting is right, what waited on the topic is published.
    server.stop()
    good = make_server("SASL_SSL", SCRAM)
    good.directory, good.store = server.directory, server.store
    good.operator_token = server.operator_token
    good.environment["SKYHOOK_OPERATOR_TOKEN"] = server.operator_token
    good.start()
    eventually(lambda: set(ids(receiver)) == {999, *range(5)}, 60, "what waited")
