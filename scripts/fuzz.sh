#!/usr/bin/env bash
# Fuzzes every target of the tree for a time each, which go test cannot do by itself: it takes one target of one package.
#   scripts/fuzz.sh 20s                     all of them
#   scripts/fuzz.sh 20s internal/redact     those of a folder
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?usage: scripts/fuzz.sh TIME_PER_TARGET [FOLDER...]}
folders=("${@:2}")
go=${GO:-go}
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# fuzz FOLDER NAME runs one target. When the time is up go test may call that a failure of the target (go.dev/issue/75804,
# mended in Go 1.27): "context deadline exceeded" and no input written. That says nothing about the target, so it is run again.
fuzz() {
  local try
  for try in 1 2 3; do
    echo "== $1 $2"
    "$go" test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 20x "$1" | tee "$said" && return
    grep -q '^ *context deadline exceeded$' "$said" || return 1
    ! grep -q 'Failing input written' "$said" || return 1
    echo "== the time was up, and go test took that for a failure: try $try of 3"
  done
  return 1
}

grep -roE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]+' "${folders[@]:-.}" | sort | sed 's/:func / /' |
  while read -r file name; do
    fuzz "./$(dirname "${file#./}")" "$name" </dev/null
  done
