"""A real Kafka broker in KRaft mode, and clients of it. It listens in the clear, over TLS, and over TLS for those who say who they are."""

import pathlib
import shutil
import signal
import subprocess
import tempfile

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from harness.certificates import Authority
from harness.polling import eventually
from harness.ports import free_port
from harness.server import BINARY

JARS = BINARY.parent / "kafka"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={directory}/broker.pem
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
USER, PASSWORD = "skyhook", "a password; with = and #"


class Broker:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="skyhook-kafka-"))
        self.authority = Authority(self.directory)
        self.authority.context("broker")  # leaves broker.pem
        self.ports = {protocol: free_port() for protocol in ("PLAINTEXT", "SSL", "SASL_SSL")}
        self.process = None
        self.settings = self.directory / "server.properties"
        self.settings.write_text(SETTINGS.format(
            listeners=",".join(f"{protocol}://127.0.0.1:{port}" for protocol, port in self.ports.items()),
            controller=free_port(), directory=self.directory))
        assert self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.settings), "--add-scram",
                         f'SCRAM-SHA-512=[name={USER},password="{PASSWORD}"]').wait(60) == 0

    def java(self, *arguments):
        with open(self.directory / "broker.log", "ab") as log:
            return subprocess.Popen(
                ["java", "-Xmx400m", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory)

    @property
    def address(self):
        return self.listener("PLAINTEXT")

    def listener(self, protocol):
        return f"127.0.0.1:{self.ports[protocol]}"

    def start(self):
        self.process = self.java("kafka.Kafka", str(self.settings))
        eventually(self.answers, 120, "a broker that answers", interval=0.2)
        return self

    def answers(self):
        assert self.process.poll() is None, (self.directory / "broker.log").read_text()[-4000:]
        try:
            return AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=2).brokers
        except KafkaException:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- clients ------------------------------------------------------------------------------

    def make_topic(self, name, partitions, **config):
        admin = AdminClient({"bootstrap.servers": self.address})
        for future in admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            future.result(30)

    def produce(self, topic, records):
        """`records`: (key, value, headers), on the broker when this returns; dealt over the partitions in turn."""
        producer = Producer({"bootstrap.servers": self.address, "acks": "all", "linger.ms": 5})
        partitions = len(producer.list_topics(topic, 30).topics[topic].partitions)
        for number, (key, value, headers) in enumerate(records):
            producer.produce(topic, value, key, partition=number % partitions, headers=headers)
            producer.poll(0)
        assert producer.flush(60) == 0

    def committed(self, group, topic, partitions):
        """The sum of the offsets that the group has committed."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        offsets = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], 30)
        consumer.close()
        return sum(max(0, one.offset) for one in offsets)

    def read(self, topic, count):
        """The first records of the topic: key, value, headers."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "the test",
                             "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, 0, 0)])
        records = []

        def enough():
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                records.append((message.key(), message.value(),
                                {name: value.decode() for name, value in message.headers() or []}))
            return len(records) >= count

        eventually(enough, 60, f"{count} records of {topic}")
        consumer.close()
        return records
