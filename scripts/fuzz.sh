#!/bin/sh
# Fuzzes every parser, one after the other: scripts/fuzz.sh [TIME], default 10m each. An input that breaks one is kept under
# testdata/fuzz of its package, where `go test` runs it from then on.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${1:-10m}
failed=
for file in $(git grep -lE '^func Fuzz[A-Za-z0-9]*\(' -- '*_test.go'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file"); do
		echo "== $(dirname "$file") $target"
		CGO_ENABLED=0 "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s "./$(dirname "$file")" || failed="$failed $target"
	done
done
[ -z "$failed" ] || {
	echo "fuzz.sh: broken:$failed" >&2
	exit 1
}
