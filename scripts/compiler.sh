#!/bin/sh
# Succeeds where cgo can build a program: a C compiler that links, and cgo not switched off. CC is the compiler, default cc.
set -eu
[ "${CGO_ENABLED:-1}" != 0 ] || exit 1
[ "$(uname -s)" = Linux ] || exit 1
compiler=${CC:-cc}
command -v "$compiler" >/dev/null 2>&1 || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/probe.c" <<'C'
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
int main(void) { return dlopen("unnoise-has-no-such-library", RTLD_NOW) != 0; }
C
"$compiler" "$work/probe.c" -ldl -lpthread -o "$work/probe" >/dev/null 2>&1
