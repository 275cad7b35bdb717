#!/bin/sh
# Looks at the machine code that ptxas makes of tensor-core kernels: the smallest loop that holds tensor-core instructions (HMMA)
# and asynchronous copies must read its operands with LDSM, copy 16 bytes at a time (LDGSTS.128), store
# nothing to device memory and touch no local memory. Kernels called *_any* take operands of any alignment and are only listed.
#
#   scripts/sass.sh [FILE.ptx...]      default: the files of kernels/ptx with matrix instructions
#
# One line a kernel: what the loop holds. Exit 1 where a kernel breaks the rule.
#
#   PTXAS, CUOBJDUMP   the tools; default: those that scripts/toolkit.sh unpacked
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
prefix=${CUDA_PREFIX:-$root/build/cuda}
ptxas=${PTXAS:-$prefix/usr/bin/ptxas}
cuobjdump=${CUOBJDUMP:-$prefix/usr/bin/cuobjdump}
LD_LIBRARY_PATH=$prefix/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
PATH=$prefix/usr/bin:$PATH
export PATH
if [ ! -x "$ptxas" ] || [ ! -x "$cuobjdump" ]; then
	echo "sass.sh: no ptxas or cuobjdump in $prefix; run scripts/toolkit.sh (make toolkit)" >&2
	exit 1
fi
[ $# -gt 0 ] || set -- $(grep -l 'mma\.sync' "$root"/kernels/ptx/*.ptx)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for ptx in "$@"; do
	"$ptxas" -arch=sm_80 -o "$work/cubin" "$ptx"
	"$cuobjdump" -sass "$work/cubin" >"$work/sass"
	awk -f "$root/scripts/sass.awk" "$work/sass" || status=1
done
exit $status
