#!/bin/sh
# Succeeds where a C program links against OpenBLAS. CC is the compiler, default cc.
set -eu
compiler=${CC:-cc}
command -v "$compiler" >/dev/null 2>&1 || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/probe.c" <<'C'
#include <cblas.h>
void openblas_set_num_threads(int n);
int main(void) { openblas_set_num_threads(1); return 0; }
C
"$compiler" "$work/probe.c" -lopenblas -o "$work/probe" >/dev/null 2>&1
