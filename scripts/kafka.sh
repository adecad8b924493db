#!/usr/bin/env bash
# Puts the Kafka broker that tests/kafka starts, as it is published, with its dependencies into a directory.
# Needs the network only when tests/kafka/pom.xml changed.
# Usage: kafka.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
directory=$(cd "$1" && pwd)
cmp -s tests/kafka/pom.xml "$directory/installed.xml" && exit 0

echo "Fetching the Kafka broker"
rm -f "$directory"/*.jar
mvn --batch-mode --quiet --file tests/kafka/pom.xml dependency:copy-dependencies \
  -DoutputDirectory="$directory"
cp tests/kafka/pom.xml "$directory/installed.xml"
