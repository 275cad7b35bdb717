#!/bin/sh
# Prints what of the things that unnoise can use is on this machine, and how to get what is not. OPENBLAS is "yes" where
# scripts/openblas.sh succeeded.
set -u
line() { printf '  %-14s %s\n' "$1" "$2"; }
echo "unnoise: on this machine"
if command -v go >/dev/null 2>&1; then line Go "$(go version | cut -d' ' -f3-)"; else
	line Go "MISSING, needed: https://go.dev/dl or apt install golang"; fi
if command -v "${CC:-cc}" >/dev/null 2>&1; then line "C compiler" "$(${CC:-cc} --version | head -n 1)"; else
	line "C compiler" "missing (only OpenBLAS and the GPU build need one): apt install gcc libc6-dev"; fi
if [ "${OPENBLAS:-}" = yes ]; then line OpenBLAS "found (for comparison: make BLAS=openblas)"; else
	line OpenBLAS "missing (only comparisons, and processors without AVX2, want it): apt install libopenblas-dev"; fi
torch=
for python in python3 /usr/bin/python3; do
	[ -n "$torch" ] || torch=$("$python" -c 'import torch; print(torch.__version__)' 2>/dev/null) && found=$python
done
if [ -n "$torch" ]; then line PyTorch "$torch ($found)"; else
	line PyTorch "missing (only bench/peers needs it): apt install python3-torch"; fi
if [ -d /usr/share/datasets/fashion-mnist ]; then line Fashion-MNIST /usr/share/datasets/fashion-mnist; else
	line Fashion-MNIST "missing (only preset fashion-mnist needs it): apt install dataset-fashion-mnist"; fi
if [ -x build/cuda/usr/lib/nvidia-cuda-toolkit/bin/nvcc ]; then line nvcc build/cuda; else
	line nvcc "missing (only make ptx needs it): make toolkit"; fi
