#!/bin/sh
# Holds cuda/driver/include/cuda.h to a real cuda.h of CUDA 12.4: the values of constants, the sizes and offsets of structs, the symbols behind
# names, the prototypes; and to the driver library beside it, which must export every function.
#
#   scripts/header.sh [FOLDER]    the folder of the real header, default that of scripts/toolkit.sh
set -eu
cd "$(dirname "$0")/.."
compiler=${CC:-cc}
real=${1:-${CUDA_PREFIX:-build/cuda}/usr/include}
ours=cuda/driver/include

fail() {
	echo "header.sh: $1" >&2
	exit 1
}
[ -f "$real/cuda.h" ] || fail "no cuda.h in $real: run scripts/toolkit.sh, or name the folder"
grep -q '^#define CUDA_VERSION 12040$' "$real/cuda.h" ||
	fail "$real/cuda.h is $(grep '^#define CUDA_VERSION' "$real/cuda.h"), $ours/cuda.h writes down CUDA 12.4 (12040)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The generator itself needs no C compiler, whatever the flags of the build are.
(cd cuda/driver && env -u CGO_CFLAGS -u CGO_LDFLAGS CGO_ENABLED=0 "${GO:-go}" run ./internal/gen check "$work")
for header in ours real; do
	eval "folder=\$$header"
	"$compiler" -std=c11 -I"$folder" "$work/report.c" -o "$work/$header" || fail "$folder/cuda.h does not declare all of it"
	"$work/$header" >"$work/$header.txt"
done
diff -u "$work/real.txt" "$work/ours.txt" || fail "the lines with + are wrong in $ours"
"$compiler" -std=c11 -Werror -I"$real" -c "$work/prototypes.c" -o "$work/prototypes.o" || fail "prototypes differ from those of $real/cuda.h"
library=$real/../lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1
if [ -f "$library" ]; then
	readelf --dyn-syms -W "$library" | awk '$7 != "UND" { sub("@.*", "", $8); print $8 }' | sort -u >"$work/exported"
	sed -n 's/^CUresult \(cu[A-Za-z0-9_]*\)(.*/\1/p' "$work/prototypes.c" | sort >"$work/used"
	comm -23 "$work/used" "$work/exported" >"$work/missing"
	[ ! -s "$work/missing" ] || fail "$library does not export $(tr '\n' ' ' <"$work/missing")"
fi
echo "header.sh: $(wc -l <"$work/ours.txt") facts and $(grep -c '^CUresult' "$work/prototypes.c") prototypes are those of $real/cuda.h"
