#!/bin/sh
# Trials of hours: scripts/soak.sh [FUZZTIME [ROUNDS]]. Fuzzes every parser for FUZZTIME (default 10m), kills runs at random moments ROUNDS
# times a hundred, runs the long tests of training and of random graphs ROUNDS times, and writes docs/soak.md.
set -u
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${1:-10m}
rounds=${2:-3}
failed=
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

trial() { # COUNT COMMAND...
	count=$1
	shift
	echo "== $*"
	if CGO_ENABLED=0 "$@"; then result=passed; else result=FAILED failed=yes; fi
	echo "| \`$*\` | $count | $result |" >>"$rows"
}

trial "$time a parser" scripts/fuzz.sh "$time"
trial "$rounds times 100 kills" "$go" test -count "$rounds" -timeout 0 -run '^TestKill$' ./cli
trial "$rounds times 100 graphs" "$go" test -count "$rounds" -timeout 0 -run '^TestDeviceRandomGraphs$' ./engine/graph
trial "$rounds" "$go" test -count "$rounds" -timeout 0 -run 'OnDevice|Sabotage' ./engine/train ./engine/model

{
	echo "# The last soak"
	echo
	echo "Written by \`make soak\` (scripts/soak.sh), which CI does not run."
	echo
	echo "Machine: $(uname -sm), $(getconf _NPROCESSORS_ONLN) processors, $("$go" version | cut -d' ' -f3)."
	echo
	echo "| command | count | result |"
	echo "|---|---|---|"
	cat "$rows"
} >docs/soak.md
[ -z "$failed" ]
