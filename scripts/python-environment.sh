#!/usr/bin/env bash
# The Python environment of the tests in build/venv, exactly as tests/requirements.txt pins it.
# Needs the network only when the requirements changed. Prints the interpreter's path.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$PWD/build/venv
stamp=$environment/requirements.installed

if ! cmp -s tests/requirements.txt "$stamp"; then
  interpreter=/usr/bin/python3
  [ -x "$interpreter" ] || interpreter=python3
  echo "Preparing the tests' Python environment" >&2
  rm -rf "$environment"
  "$interpreter" -m venv "$environment" >&2
  "$environment/bin/pip" install --quiet --disable-pip-version-check \
    -r tests/requirements.txt >&2
  cp tests/requirements.txt "$stamp"
fi
echo "$environment/bin/python"
