#!/bin/sh
# Shows that the program with the GPU driver is one program for every machine: it is not linked with libcuda, whatever libraries the linker
# finds; help and CPU work never load one; with no driver, and with NVIDIA's driver and no GPU, it computes on the CPU and says why.
# Called by make one-binary, which sets the flags of the build. NVIDIA's library is tested where scripts/toolkit.sh has unpacked it.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
compiler=${CC:-cc}
prefix=${CUDA_PREFIX:-$(pwd)/build/cuda}
case "$prefix" in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
real=$prefix/usr/lib/x86_64-linux-gnu/nvidia/current
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "onebinary.sh: $1" >&2
	exit 1
}

# A library that answers for the driver and tells when it is loaded, under the names that linkers and programs look for.
planted=$work/planted
mkdir "$planted" "$work/home"
"$compiler" -std=c11 -D_DEFAULT_SOURCE -shared -fPIC -Wl,-soname,libcuda.so.1 -Icuda/driver/include -o "$planted/libcuda.so.1" cuda/driver/testdata/mock/*.c
cp "$planted/libcuda.so.1" "$planted/libcuda.so"

echo "onebinary.sh: linking, as usual and with a libcuda.so in an earlier folder, and without cgo"
"$go" build -tags cuda -o "$work/usual" ./cli/unnoise
CGO_LDFLAGS="-L$planted $CGO_LDFLAGS" LIBRARY_PATH=$planted "$go" build -tags cuda -o "$work/beside" ./cli/unnoise
env -u CGO_CFLAGS -u CGO_LDFLAGS CGO_ENABLED=0 "$go" build -o "$work/plain" ./cli/unnoise
for program in usual beside; do
	if readelf -d "$work/$program" | grep NEEDED | grep -q cuda; then fail "$program needs libcuda: $(readelf -d "$work/$program" | grep NEEDED)"; fi
	if ldd "$work/$program" | grep -q cuda; then fail "ldd lists libcuda for $program"; fi
	if readelf --dyn-syms -W "$work/$program" | grep -q ' cu[A-Z]'; then fail "$program shows functions of the driver API to other libraries"; fi
done

export HOME="$work/home" XDG_CACHE_HOME="$work/home" MOCK_LOADED="$work/loaded"
unset UNNOISE_LIBCUDA || true
run() { "$work/beside" "$@" >"$work/out" 2>&1 || fail "unnoise $*: $(cat "$work/out")"; }
cpu_job() {
	rm -rf "$work/run"
	run train --preset swissroll --steps 2 --device "$1" --out "$work/run"
}

echo "onebinary.sh: help and CPU work beside a driver"
export LD_LIBRARY_PATH="$planted"
run --help
run train --help
run version
run inspect --preset swissroll
cpu_job cpu
run check --device cpu --op '^add$'
[ ! -e "$MOCK_LOADED" ] || fail "libcuda was loaded for work on the CPU"
run doctor
[ -e "$MOCK_LOADED" ] || fail "doctor did not load the planted libcuda: the test shows nothing"

no_gpu() { # what the messages must say
	cpu_job auto
	if "$work/beside" check --device cuda >"$work/out" 2>&1; then fail "--device cuda worked without a GPU"; fi
	grep -q "$1" "$work/out" || fail "--device cuda does not say '$1': $(cat "$work/out")"
	run doctor
	grep -q "$1" "$work/out" || fail "doctor does not say '$1': $(cat "$work/out")"
}

echo "onebinary.sh: without a driver"
LD_LIBRARY_PATH='' UNNOISE_LIBCUDA=/nowhere/libcuda.so.1 no_gpu 'no CUDA driver'

if [ -e /proc/driver/nvidia/version ]; then
	echo "onebinary.sh: this machine has a GPU: not run without one"
elif [ -e "$real/libcuda.so.1" ]; then
	echo "onebinary.sh: with NVIDIA's driver library and no GPU"
	LD_LIBRARY_PATH=$real no_gpu 'no CUDA device'
else
	echo "onebinary.sh: NVIDIA's driver library is not there (make toolkit): not run with it"
fi

echo "onebinary.sh: a build without cgo"
mv "$work/plain" "$work/beside"
no_gpu 'built without the GPU driver'
echo "onebinary.sh: one program for every machine"
