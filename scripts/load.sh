#!/usr/bin/env bash
# Holds the API of a daemon of its own against load, and prints a table. All of it goes over a unix socket.
#   scripts/load.sh VEGETA [SECONDS_PER_ROW]
set -euo pipefail
cd "$(dirname "$0")/.."
vegeta=${1:?usage: scripts/load.sh VEGETA [SECONDS]}
seconds=${2:-5}
go=${GO:-go}
dir=$(mktemp -d)
daemon=
stop() { # the daemon, and what it keeps
  if [ -n "$daemon" ]; then
    kill "$daemon" && wait "$daemon" || true
    daemon=
  fi
}
trap 'stop; rm -rf "$dir"' EXIT
CGO_ENABLED=0 "$go" build -o "$dir/cloudops" ./cmd/cloudops
export XDG_RUNTIME_DIR= XDG_CONFIG_HOME="$dir/config" XDG_STATE_HOME="$dir/state"
unset "${!CLOUDOPS_@}"
mkfifo "$dir/told"

# start FLAG… starts a daemon, and has it run one command, whose id is in $id.
start() {
  "$dir/cloudops" serve --socket "$dir/s" "$@" >"$dir/told" 2>"$dir/log" &
  daemon=$!
  head -1 "$dir/told" >/dev/null
  id=$("$dir/cloudops" run --host "unix://$dir/s" --detach -- seq 1000)
  "$dir/cloudops" wait --host "unix://$dir/s" "$id" >/dev/null
}

# row NAME RATE WORKERS VERB BODY asks for a verb, as fast as it goes where RATE is 0.
row() {
  local target
  if [ "$4" = logs ]; then
    target=$(printf '{"method":"GET","url":"http://localhost/v1/executions/%s/logs?format=text"}' "$id")
  else
    target=$(printf '{"method":"POST","url":"http://localhost/cloudops.v1.ExecutionService/%s","header":{"Content-Type":["application/json"]},"body":"%s"}' \
      "$4" "$(printf %s "$5" | base64 -w 0)")
  fi
  echo "$target" | "$vegeta" attack -format=json -unix-socket "$dir/s" -rate "$2" -workers "$3" -max-workers "$3" -duration "${seconds}s" >"$dir/results"
  "$vegeta" report -type=text "$dir/results" | awk -v name="$1" -v workers="$3" '
    /^Requests/ { gsub(",", ""); total = $(NF - 2); rate = $NF }
    /^Latencies/ { gsub(",", ""); p50 = $(NF - 4); p99 = $(NF - 1) }
    /^Success/ { success = $NF }
    END { printf "| %s | %s | %s | %.0f | %s | %s | %s |\n", name, workers, total, rate, p50, p99, success }'
}

echo "| what | at once | requests | a second | p50 | p99 | answered |"
echo "|---|---|---|---|---|---|---|"
start --ephemeral
row 'Execute `true`, in process' 100/s 16 Execute '{"command":{"type":"exec","program":"true"}}'
row 'Get' 0 16 Get "{\"id\":\"$id\"}"
row 'List, a page of 50' 0 16 List '{"filter":{"limit":50}}'
row 'logs, 1,000 lines' 0 16 logs ''
stop
start
row 'Execute `true`, supervised' 20/s 16 Execute '{"command":{"type":"exec","program":"true"}}'
row 'Get' 0 16 Get "{\"id\":\"$id\"}"
row 'List, a page of 50' 0 16 List '{"filter":{"limit":50}}'
row 'logs, 1,000 lines' 0 16 logs ''
