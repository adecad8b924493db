#!/usr/bin/env bash
# A guided start: server, account, webhook, receiver, one event of each kind, all on this machine.
# Everything it starts ends with it. Usage: demo.sh BUILD_DIRECTORY [PORT]
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$PWD/$1/skyhook
wanted_port=${2:-8080}
data=$PWD/build/demo-data

if [ -t 1 ]; then bold=$'\e[1m' green=$'\e[32m' plain=$'\e[0m'; else bold='' green='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() {
  printf '\n%s\n' "$*" >&2
  [ -f "$data.log" ] && tail -n 20 "$data.log" >&2
  exit 1
}

children=()
finish() {
  trap - EXIT INT TERM
  for child in "${children[@]}"; do kill -TERM "$child" 2>/dev/null || true; done
  wait "${children[@]}" 2>/dev/null || true
}
trap finish EXIT
trap 'say "Stopping."; exit 0' INT TERM

# The wanted port, or the next one that nobody listens on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}
# The first value of a field of a JSON answer on standard input.
field() { sed -nE "s/.*\"$1\":\"?([^\",}]*)\"?[,}].*/\1/p" | head -n 1; }
# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# A demonstration begins afresh; a real data directory is kept, of course.
rm -rf "$data" "$data.log"
mkdir -p "$data"
chmod 700 "$data"

port=$(free_port "$wanted_port")
[ "$port" = "$wanted_port" ] || echo "Port $wanted_port is taken: using $port."
receiver_port=$(free_port $((port + 1)))
address=http://127.0.0.1:$port

say "1. The server"
"$binary" serve --listen "127.0.0.1:$port" --data "$data" --allow-http \
  --allow-network 127.0.0.0/8 >"$data.log" 2>&1 &
children+=($!)
ready() { kill -0 "${children[0]}" 2>/dev/null && curl -fsS -o /dev/null "$address/readyz" 2>/dev/null; }
wait_for 15 ready || fail "The server did not become ready:"
token=$(cat "$data/operator-token")
export SKYHOOK_SERVER=$address SKYHOOK_OPERATOR_TOKEN=$token
echo "$address, data in ${data#"$PWD"/}, log in ${data#"$PWD"/}.log"

say "2. An account"
created=$("$binary" account create --name "Demo account") || fail "No account was created."
echo "$created"
key=$(grep -oE 'sk_live_[A-Za-z0-9]{40}' <<<"$created" | head -n 1)
account=$(curl -fsS -H "Authorization: Bearer $token" "$address/operator/v1/accounts" | field id)

say "3. A webhook for every event of the catalogue, and a receiver behind it"
api() { curl -fsS -H "Authorization: Bearer $key" -H 'Content-Type: application/json' "$@"; }
mapfile -t events < <(api "$address/api/v1/webhooks/events" | grep -oE '"event":"[^"]+"' |
  cut -d '"' -f 4)
list=$(printf '"%s",' "${events[@]}")
webhook_answer=$(api "$address/api/v1/webhooks" -d "{\"name\":\"Demo webhook\",
  \"url\":\"http://127.0.0.1:$receiver_port/hook\",\"events\":[${list%,}]}") ||
  fail "The webhook was not created."
webhook=$(field id <<<"$webhook_answer")
secret=$(field secret <<<"$webhook_answer")
"$binary" receive --secret "$secret" --listen "127.0.0.1:$receiver_port" &
children+=($!)
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$receiver_port") 2>/dev/null; }
wait_for 10 listening || fail "The receiver did not start."

say "4. One event of each kind"
for event in "${events[@]}"; do
  "$binary" publish --account "$account" --event "$event" \
    --data "{\"id\":$RANDOM,\"note\":\"a sample of $event\"}" >/dev/null ||
    fail "$event was not accepted."
done
delivered() {
  api "$address/api/v1/webhooks/$webhook/deliveries?status=delivered&per_page=1" |
    grep -q "\"total\":${#events[@]}}"
}
wait_for 20 delivered || fail "Not every event was delivered:"
say "${green}All ${#events[@]} events were delivered, signed and verified.${plain}"

cat <<END

  ${bold}Addresses${plain}
    dashboard      $address/     (sign in with one of the keys below)
    API docs       $address/docs
    API            $address/api/v1/webhooks
    operator       $address/operator/v1/accounts
    health         $address/readyz
    receiver       http://127.0.0.1:$receiver_port/hook

  ${bold}Keys${plain}
    account key    $key
    operator token $token

  ${bold}To go on with${plain}
    # publish an event; its delivery appears in this window
    curl $address/operator/v1/accounts/$account/events \\
      -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' \\
      -d '{"event":"contact.created","data":{"id":7,"name":"Ada"}}'

    # what was delivered
    curl '$address/api/v1/webhooks/$webhook/deliveries?per_page=5' \\
      -H 'Authorization: Bearer $key'

    # a test delivery, with its outcome
    curl -X POST $address/api/v1/webhooks/$webhook/test -H 'Authorization: Bearer $key'

    # the webhooks of the account
    curl $address/api/v1/webhooks -H 'Authorization: Bearer $key'

  Ctrl-C ends the server and the receiver.

END
wait -n "${children[@]}" || true
fail "A process ended by itself:"
