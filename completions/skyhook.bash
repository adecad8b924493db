# bash completion for skyhook, made by packaging/make_cli_pages.py
_skyhook() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path="" word words=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path:$word" in
      ":serve") path="serve" ;;
      ":account") path="account" ;;
      "account:create") path="account create" ;;
      ":publish") path="publish" ;;
      ":receive") path="receive" ;;
      ":bench") path="bench" ;;
      ":rekey") path="rekey" ;;
      ":move") path="move" ;;
      ":trigger") path="trigger" ;;
      ":listen") path="listen" ;;
      ":deliveries") path="deliveries" ;;
      ":retry") path="retry" ;;
      ":replay") path="replay" ;;
      ":verify") path="verify" ;;
      ":health") path="health" ;;
    esac
  done
  case "$previous" in
    --kafka-account) COMPREPLY=($(compgen -W "key header" -- "$current")); return ;;
    --log) COMPREPLY=($(compgen -W "debug info warn error off" -- "$current")); return ;;
    --log-format) COMPREPLY=($(compgen -W "text json" -- "$current")); return ;;
    --status) COMPREPLY=($(compgen -W "pending delivered failed" -- "$current")); return ;;
    --body|--ca-file|--config|--data|--new-master-key-file|--request|--state) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --data|--data-dir|--from) COMPREPLY=($(compgen -d -- "$current")); return ;;
    --event) COMPREPLY=($(compgen -W "contact.created contact.updated contact.deleted message.received message.sent booking.created booking.updated booking.cancelled booking.completed ticket.created ticket.replied" -- "$current")); return ;;
  esac
  case "$path" in
    "") words="-h --help --version serve account publish receive bench rekey move trigger listen deliveries retry replay verify health" ;;
    "serve") words="-h --help --config --listen --data --database-url --operator-token --master-key --operator-webhook --operator-webhook-secret --rate-limit --max-connections --open-metrics --retention --shutdown-timeout --retry-schedule --timeout --switch-off-after --first-attempt-target --allow-http --allow-network --header-prefix --sender-name --event-type --ca-file --dns-servers --proxy --network-threads --max-in-flight --max-in-flight-per-webhook --lane-memory --memory-budget-mib --kafka-brokers --kafka-topic --kafka-group --kafka-dead-letter-topic --kafka-account --kafka-property --log --log-format" ;;
    "account") words="-h --help create" ;;
    "account create") words="-h --help --name --json --server --operator-token --data --data-dir" ;;
    "publish") words="-h --help --account --event --data --idempotency-key --json --server --operator-token --data-dir" ;;
    "receive") words="-h --help --secret --public-key --listen --delay --status --fail-first --prefix --json" ;;
    "bench") words="-h --help --events --rate --batch --connections --webhooks --data-bytes --slow --failing --hanging --resetting --tls --no-limit --json --server --operator-token --server-pid --data --database-url" ;;
    "rekey") words="-h --help --config --new-master-key-file --data --database-url" ;;
    "move") words="-h --help --from --to --config --undo" ;;
    "trigger") words="-h --help --account --to --data --list --json --secret --prefix --ed25519-key --server --operator-token --data-dir contact.created contact.updated contact.deleted message.received message.sent booking.created booking.updated booking.cancelled booking.completed ticket.created ticket.replied" ;;
    "listen") words="-h --help --forward --events --state --fresh --json --secret --prefix --ed25519-key --webhook --server --key" ;;
    "deliveries") words="-h --help --status --limit --json --webhook --server --key" ;;
    "retry") words="-h --help --json --webhook --server --key" ;;
    "replay") words="-h --help --since --until --after --dry-run --json --webhook --server --key" ;;
    "verify") words="-h --help --request --body --header --computed --ignore-age --json --secret --prefix --public-key" ;;
    "health") words="-h --help --server" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _skyhook skyhook
