# fish completion for skyhook, made by packaging/make_cli_pages.py
complete -c skyhook -f
complete -c skyhook -n '__fish_use_subcommand' -a serve -d 'run the server'
complete -c skyhook -n '__fish_use_subcommand' -a account -d 'create accounts'
complete -c skyhook -n '__fish_use_subcommand' -a publish -d 'publish an event'
complete -c skyhook -n '__fish_use_subcommand' -a receive -d 'receive, verify and print deliveries'
complete -c skyhook -n '__fish_use_subcommand' -a bench -d 'measure a server: throughput, latency, CPU, memory'
complete -c skyhook -n '__fish_use_subcommand' -a rekey -d 'encrypt the webhook secrets under another master key'
complete -c skyhook -n '__fish_use_subcommand' -a move -d 'move everything from the embedded store to PostgreSQL'
complete -c skyhook -n '__fish_use_subcommand' -a trigger -d 'send a realistic event of any kind'
complete -c skyhook -n '__fish_use_subcommand' -a listen -d 'forward an account\'s deliveries to a laptop'
complete -c skyhook -n '__fish_use_subcommand' -a deliveries -d 'show the delivery log'
complete -c skyhook -n '__fish_use_subcommand' -a retry -d 'deliver once more'
complete -c skyhook -n '__fish_use_subcommand' -a replay -d 'send the events of a span once more'
complete -c skyhook -n '__fish_use_subcommand' -a verify -d 'tell why a signature does not match'
complete -c skyhook -n '__fish_use_subcommand' -a health -d 'is a server ready? for health checks'
complete -c skyhook -n '__fish_use_subcommand' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_use_subcommand' -l version -d 'print the version'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l config -d 'TOML file with these settings [SKYHOOK_CONFIG]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l listen -d 'where the API listens; :8080 is every address of the machine [127.0.0.1:8080; SKYHOOK_LISTEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l data -d 'directory of the embedded store and of the operator token [skyhook-data; SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l database-url -d 'PostgreSQL in place of the embedded store [SKYHOOK_DATABASE_URL]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l operator-token -d 'the operator\'s key; made on first start and kept in the data directory where none is given [SKYHOOK_OPERATOR_TOKEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l master-key -d '32 bytes in hex or base64 that encrypt webhook secrets at rest [SKYHOOK_MASTER_KEY]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l operator-webhook -d 'where the operator is told of webhooks switched off, deliveries failed for good and accounts over their limits [SKYHOOK_OPERATOR_WEBHOOK]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l operator-webhook-secret -d 'what those events are signed with: whsec_ and the base64 of 24 to 64 bytes [SKYHOOK_OPERATOR_WEBHOOK_SECRET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l rate-limit -d 'requests a minute for each API key; 0: no limit [120; SKYHOOK_RATE_LIMIT]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l max-connections -d 'connections of API clients at once [10000; SKYHOOK_MAX_CONNECTIONS]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l open-metrics -d 'serve /metrics without the operator token [SKYHOOK_OPEN_METRICS]'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l retention -d 'how long settled deliveries stay in the log; 0: for ever [30d; SKYHOOK_RETENTION]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l shutdown-timeout -d 'how long what is in flight may take to finish after SIGTERM [30s; SKYHOOK_SHUTDOWN_TIMEOUT]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l retry-schedule -d 'delays before the second, third, … attempt; none: never retry [2m,10m,30m; SKYHOOK_RETRY_SCHEDULE]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l timeout -d 'for one attempt, from the name to the last byte of the answer [30s; SKYHOOK_TIMEOUT]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l switch-off-after -d 'switch a webhook off after this time of nothing but failures; 0: never [0s; SKYHOOK_SWITCH_OFF_AFTER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l first-attempt-target -d 'how soon after its publish an event\'s first attempt is to begin, for accounts without a target of their own; 0: none [0s; SKYHOOK_FIRST_ATTEMPT_TARGET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l allow-http -d 'accept webhook URLs without TLS, for development [SKYHOOK_ALLOW_HTTP]'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l allow-network -d 'networks that webhooks may point at although they are not public [SKYHOOK_ALLOW_NETWORKS]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l header-prefix -d 'of the vendor\'s headers [X-Skylight-; SKYHOOK_HEADER_PREFIX]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l sender-name -d 'who the test message says that it is from [SkyLight Chat; SKYHOOK_SENDER_NAME]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l event-type -d 'event types besides the eleven built in [SKYHOOK_EVENT_TYPES]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l ca-file -d 'PEM certificates to trust in place of the system\'s [SKYHOOK_CA_FILE]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l dns-servers -d 'name servers in place of the system\'s [SKYHOOK_DNS_SERVERS]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l proxy -d 'an HTTP proxy that all deliveries go through: http://[user:password@]host[:port] [SKYHOOK_PROXY]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l network-threads -d 'threads that receive requests and send deliveries [1; SKYHOOK_NETWORK_THREADS]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l max-in-flight -d 'attempts at once over all webhooks [1024; SKYHOOK_MAX_IN_FLIGHT]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l max-in-flight-per-webhook -d 'attempts at once for one webhook while its receiver keeps up [64; SKYHOOK_MAX_IN_FLIGHT_PER_WEBHOOK]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l lane-memory -d 'waiting deliveries of one webhook held in memory; the rest waits in the store [1024; SKYHOOK_LANE_MEMORY]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l memory-budget-mib -d 'MiB of waiting payloads held in memory over all webhooks [64; SKYHOOK_MEMORY_BUDGET_MIB]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-brokers -d 'brokers to ask first, host:port; none: nothing is read from Kafka [SKYHOOK_KAFKA_BROKERS]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-topic -d 'the topic whose records are published [SKYHOOK_KAFKA_TOPIC]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-group -d 'the consumer group, the same on all nodes [skyhook; SKYHOOK_KAFKA_GROUP]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-dead-letter-topic -d 'where records go that can never be published; the topic\'s name and .dead-letter where none is given [SKYHOOK_KAFKA_DEAD_LETTER_TOPIC]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-account -d 'where a record names its account: its key, or its header account [key; SKYHOOK_KAFKA_ACCOUNT]' -x -a 'key header'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l kafka-property -d 'properties of librdkafka, one a line: TLS, SASL and whatever else [SKYHOOK_KAFKA_PROPERTIES]' -x
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l log -d 'the least important lines to write to standard error [info; SKYHOOK_LOG]' -x -a 'debug info warn error off'
complete -c skyhook -n '__fish_seen_subcommand_from serve' -l log-format -d 'readable lines, or one JSON object a line [text; SKYHOOK_LOG_FORMAT]' -x -a 'text json'
complete -c skyhook -n '__fish_seen_subcommand_from account; and not __fish_seen_subcommand_from create' -a create -d 'create an account, print its API key'
complete -c skyhook -n '__fish_seen_subcommand_from account; and not __fish_seen_subcommand_from create' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from create' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from create' -l name -d 'whom the account is for' -x
complete -c skyhook -n '__fish_seen_subcommand_from create' -l json -d 'print the server\'s answer as JSON'
complete -c skyhook -n '__fish_seen_subcommand_from create' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from create' -l operator-token -d 'the operator\'s key [read from the data directory; SKYHOOK_OPERATOR_TOKEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from create' -l data -d 'data directory of a server on this machine [skyhook-data; SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from create' -l data-dir -d 'data directory of a server on this machine [skyhook-data; SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l account -d 'id of the account' -x
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l event -d 'event type, such as contact.created' -x -a 'contact.created contact.updated contact.deleted message.received message.sent booking.created booking.updated booking.cancelled booking.completed ticket.created ticket.replied'
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l data -d 'the event\'s data: a JSON object, @FILE, or @- for standard input' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l idempotency-key -d 'the same key within 24 h publishes once' -x
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l json -d 'print the server\'s answer as JSON'
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l operator-token -d 'the operator\'s key [read from the data directory; SKYHOOK_OPERATOR_TOKEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from publish' -l data-dir -d 'data directory of a server on this machine [skyhook-data; SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l secret -d 'the webhook\'s secret; may be repeated [SKYHOOK_SECRET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l public-key -d 'verifies Ed25519 signatures (whpk_...); may be repeated' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l listen -d 'where to listen [127.0.0.1:4000]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l delay -d 'wait before each answer [0s]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l status -d 'answer every delivery so, or those of --fail-first [200]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l fail-first -d 'fail the first N attempts of each delivery, with --status or 500 [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l prefix -d 'of the vendor\'s headers [X-Skylight-]' -x
complete -c skyhook -n '__fish_seen_subcommand_from receive' -l json -d 'print one JSON object a line'
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l events -d 'events to publish [20000]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l rate -d 'events a second; 0 is as fast as they are taken [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l batch -d 'events a publish request [1]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l connections -d 'publish requests at once [64]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l webhooks -d 'webhooks, each of an account of its own [1]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l data-bytes -d 'size of each event\'s data [200]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l slow -d 'share of receivers that answer after 500 ms [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l failing -d 'share of receivers that answer 500 [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l hanging -d 'share of receivers that never answer [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l resetting -d 'share of receivers that reset the connection [0]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l tls -d 'deliver over TLS'
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l no-limit -d 'do not measure the bare client'
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l json -d 'print one JSON object'
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l server -d 'a server that runs already [one is started]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l operator-token -d 'of that server [SKYHOOK_OPERATOR_TOKEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l server-pid -d 'its process, whose CPU time is measured' -x
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l data -d 'data directory of the started server [a temporary one]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from bench' -l database-url -d 'store of the started server [the embedded one]' -x
complete -c skyhook -n '__fish_seen_subcommand_from rekey' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from rekey' -l config -d 'TOML file of the server [SKYHOOK_CONFIG]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from rekey' -l new-master-key-file -d 'file that holds the new key [SKYHOOK_NEW_MASTER_KEY_FILE, or the key itself in SKYHOOK_NEW_MASTER_KEY]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from rekey' -l data -d 'directory of the embedded store and of the operator token [SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from rekey' -l database-url -d 'PostgreSQL in place of the embedded store [SKYHOOK_DATABASE_URL]' -x
complete -c skyhook -n '__fish_seen_subcommand_from move' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from move' -l from -d 'data directory of a server that is stopped' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from move' -l to -d 'the PostgreSQL database [SKYHOOK_DATABASE_URL]' -x
complete -c skyhook -n '__fish_seen_subcommand_from move' -l config -d 'TOML file of the server, for its master key [SKYHOOK_CONFIG]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from move' -l undo -d 'serve the directory again: takes the mark of a move away'
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l account -d 'publish for this account' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l to -d 'or send straight to this URL' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l data -d 'data in place of the sample: JSON, @FILE or @-' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l list -d 'print the sample of each event'
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l json -d 'print JSON'
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l secret -d 'with --to: signs the delivery [SKYHOOK_SECRET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l prefix -d 'of the vendor\'s headers [X-Skylight-]' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l ed25519-key -d 'with --to: signs it with this Ed25519 key too (whsk_...)' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l operator-token -d 'the operator\'s key [read from the data directory; SKYHOOK_OPERATOR_TOKEN]' -x
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -l data-dir -d 'data directory of a server on this machine [skyhook-data; SKYHOOK_DATA]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from trigger' -a 'contact.created contact.updated contact.deleted message.received message.sent booking.created booking.updated booking.cancelled booking.completed ticket.created ticket.replied'
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l forward -d 'where to post each delivery' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l events -d 'only these event types, separated by commas' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l state -d 'file that keeps the position [one in ~/.local/state/skyhook]' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l fresh -d 'begin with what is new now, whatever was kept'
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l json -d 'print one JSON object a line'
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l secret -d 'signs what is forwarded; without one, one is made and printed [SKYHOOK_SECRET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l prefix -d 'of the vendor\'s headers [X-Skylight-]' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l ed25519-key -d 'signs it with this Ed25519 key too; new: one is made' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l webhook -d 'follow this webhook only [all of the account]' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from listen' -l key -d 'the account\'s API key [SKYHOOK_API_KEY, or the file that SKYHOOK_API_KEY_FILE names]' -x
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l status -d 'only those that stand so' -x -a 'pending delivered failed'
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l limit -d 'how many, the newest first [25]' -x
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l json -d 'print JSON, one entry a line'
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l webhook -d 'id of the webhook [the account\'s only one]' -x
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from deliveries' -l key -d 'the account\'s API key [SKYHOOK_API_KEY, or the file that SKYHOOK_API_KEY_FILE names]' -x
complete -c skyhook -n '__fish_seen_subcommand_from retry' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from retry' -l json -d 'print JSON'
complete -c skyhook -n '__fish_seen_subcommand_from retry' -l webhook -d 'id of the webhook [the account\'s only one]' -x
complete -c skyhook -n '__fish_seen_subcommand_from retry' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from retry' -l key -d 'the account\'s API key [SKYHOOK_API_KEY, or the file that SKYHOOK_API_KEY_FILE names]' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l since -d 'events published from here on' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l until -d 'and before here [now]' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l after -d 'go on where a replay was interrupted' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l dry-run -d 'only count'
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l json -d 'print JSON'
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l webhook -d 'id of the webhook [the account\'s only one]' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
complete -c skyhook -n '__fish_seen_subcommand_from replay' -l key -d 'the account\'s API key [SKYHOOK_API_KEY, or the file that SKYHOOK_API_KEY_FILE names]' -x
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l request -d 'a whole request: @FILE, or @- for standard input' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l body -d 'the raw body: text, @FILE or @-' -r -F
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l header -d 'a header of the delivery; repeat it' -x
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l computed -d 'what your own code computed' -x
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l ignore-age -d 'for a copy that was kept'
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l json -d 'print JSON'
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l secret -d 'the webhook\'s secret [SKYHOOK_SECRET]' -x
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l prefix -d 'of the vendor\'s headers [X-Skylight-]' -x
complete -c skyhook -n '__fish_seen_subcommand_from verify' -l public-key -d 'of its Ed25519 key (whpk_...)' -x
complete -c skyhook -n '__fish_seen_subcommand_from health' -l help -d 'Print this help message and exit'
complete -c skyhook -n '__fish_seen_subcommand_from health' -l server -d 'URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]' -x
