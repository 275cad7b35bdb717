#!/bin/sh
# Packs the binary, the test binaries of kernels and engine with their data, the peers and a script that runs them into
# one file for a machine with a GPU and without Go. Usage: scripts/pack.sh [FILE], default build/unnoise-pack.tar.xz.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
out=${1:-build/unnoise-pack.tar.xz}
most=50000000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
pack=$work/unnoise-pack
mkdir -p "$pack" "$(dirname "$out")"
# With the GPU driver (make sets the flags) where there is a C compiler; it needs the C library of this machine's age or newer.
# The linker leaves out symbols, which are half of the size.
if [ "${DRIVER:-}" = yes ]; then
	mkdir -p "$pack/tests/cuda/driver"
	"$go" build -buildvcs=auto -trimpath -tags cuda -ldflags '-s -w' -o "$pack/unnoise" ./cli/unnoise
	"$go" test -c -trimpath -tags cuda -ldflags '-s -w' -o "$pack/tests/cuda/driver/driver.test" ./cuda/driver
fi
# The rest is pure Go, which runs on any Linux.
export CGO_ENABLED=0
[ -e "$pack/unnoise" ] || "$go" build -buildvcs=auto -trimpath -ldflags '-s -w' -o "$pack/unnoise" ./cli/unnoise
module=$("$go" list -m)
for package in $("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./kernels/... ./engine/...); do
	folder=${package#"$module/"}
	mkdir -p "$pack/tests/$folder"
	"$go" test -c -trimpath -ldflags '-s -w' -o "$pack/tests/$folder/$(basename "$folder").test" "$package"
done
for data in $(git ls-files -- 'engine/**/testdata/**' 'engine/testdata/**' 'kernels/**/testdata/**'); do
	mkdir -p "$pack/tests/$(dirname "$data")"
	cp "$data" "$pack/tests/$data"
done
mkdir "$pack/peers"
cp bench/peers/*.py "$pack/peers/"
cp bench/README.md LICENSE "$pack/"
cp bench/run.sh "$pack/"
chmod 755 "$pack/run.sh"

tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - unnoise-pack | xz -T0 -7 >"$work/pack.tar.xz"
size=$(wc -c <"$work/pack.tar.xz")
if [ "$size" -gt "$most" ]; then
	echo "pack.sh: $size bytes, at most $most are allowed: the largest are" >&2
	find "$pack" -type f -size +1M -exec ls -l {} + | sort -k5 -n -r | head -10 >&2
	exit 1
fi
mv "$work/pack.tar.xz" "$out"
echo "$out: $size bytes"
