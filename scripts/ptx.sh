#!/bin/sh
# Compiles CUDA C++ into the PTX that is committed, with a manifest that `go test` checks without nvcc.
#
#   scripts/ptx.sh [--out DIR] [-I DIR]... [--strict] [--check] [--force] FILE.cu|FOLDER...
#
#   --out DIR   where x.ptx and manifest.txt go; default: the folder of the first argument
#   -I DIR      include folder, relative to the repository
#   --strict    refuse kernels that spill registers or use local memory; keep DIR/resources.txt, one line a kernel (resources.awk)
#   --check     write nothing; compile everything again and fail when a committed byte differs
#   --force     compile files that are up to date, too
#
# x.cu becomes DIR/x.ptx for sm_80; a line "// arch: sm_90a" in x.cu chooses another target and "// nvcc: FLAGS" adds flags.
# .version is the lowest that ptxas accepts for the target (7.0 on for sm_80, 8.0 on for sm_90a), so that old drivers load it.
# The bytes depend on the sources, the flags and the compiler only, never on the folder or the day.
# A manifest line: PTX name, SHA-256 of the PTX, SHA-256 of "COMPILER FLAGS\n" and one "SHA-256  path\n" for each source,
# compiler, flags, sources (the .cu first), separated by tabs.
#
#   NVCC, PTXAS   the tools; default: those that scripts/toolkit.sh unpacked
set -eu
LC_ALL=C
export LC_ALL

required=12.4.131
root=$(cd "$(dirname "$0")/.." && pwd -P)
start=$(pwd -P)
prefix=${CUDA_PREFIX:-$root/build/cuda}
case "$prefix" in /*) ;; *) prefix=$start/$prefix ;; esac
nvcc=${NVCC:-$prefix/usr/lib/nvidia-cuda-toolkit/bin/nvcc}
ptxas=${PTXAS:-$prefix/usr/bin/ptxas}
tab=$(printf '\t')

fail() {
	echo "ptx.sh: $1" >&2
	exit 1
}

# inside prints a path relative to the repository; the scripts run from anywhere.
inside() {
	case "$1" in /*) path=$1 ;; *) path=$start/$1 ;; esac
	[ -e "$path" ] || fail "no such file or folder: $1"
	if [ -d "$path" ]; then path=$(cd "$path" && pwd -P); else path=$(cd "$(dirname "$path")" && pwd -P)/$(basename "$path"); fi
	case "$path" in
	"$root"/*) echo "${path#"$root"/}" ;;
	*) fail "$1 is outside the repository" ;;
	esac
}

out='' includes='' strict='' check='' force='' sources=''
while [ $# -gt 0 ]; do
	case "$1" in
	--out) [ $# -ge 2 ] || fail "--out needs a folder"; mkdir -p "$2"; out=$(inside "$2"); shift ;;
	-I) [ $# -ge 2 ] || fail "-I needs a folder"; includes="$includes -I$(inside "$2")"; shift ;;
	--strict) strict=1 ;;
	--check) check=1 ;;
	--force) force=1 ;;
	-*) fail "unknown option $1; see the head of scripts/ptx.sh" ;;
	*)
		path=$(inside "$1")
		[ -d "$root/$path" ] || [ "${path%.cu}" != "$path" ] || fail "$1 is neither a folder nor a .cu file"
		[ -n "$out" ] || { [ -d "$root/$path" ] && out=$path || out=$(dirname "$path"); }
		sources="$sources $(cd "$root" && find "$path" -name '*.cu' | sort)"
		;;
	esac
	shift
done
[ -n "$(echo $sources)" ] || fail "no .cu file given; usage: scripts/ptx.sh [--out DIR] [-I DIR]... [--strict] [--check] FILE.cu|FOLDER..."
cd "$root"

[ -x "$nvcc" ] && [ -x "$ptxas" ] || fail "no nvcc in $prefix; run scripts/toolkit.sh (make toolkit)"
LD_LIBRARY_PATH=$prefix/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
compiler=$("$nvcc" --version | sed -n 's/.*, V\([0-9.]*\)$/\1/p')
[ "$compiler" = "$required" ] || fail "$nvcc is version $compiler; committed PTX is made by exactly $required (scripts/toolkit.sh)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
manifest=$out/manifest.txt
[ -f "$manifest" ] || : >"$work/none"
old=$manifest
[ -f "$old" ] || old=$work/none
table=$out/resources.txt

# source_hash prints the hash of compiler, flags and sources: source_hash FLAGS FILE...
source_hash() {
	hashed_flags=$1
	shift
	{ echo "$compiler $hashed_flags" && sha256sum "$@"; } | sha256sum | cut -d' ' -f1
}

# flags_of prints the flags of a .cu file, the target first.
flags_of() {
	arch=$(sed -n 's,^// arch: *sm_\([0-9a-z]*\) *$,\1,p' "$1" | head -1)
	own=$(sed -n 's,^// nvcc: *,,p' "$1" | head -1)
	echo "-gencode=arch=compute_${arch:-80},code=compute_${arch:-80} -std=c++17 -lineinfo$includes${own:+ $own}"
}

# fresh tells whether a PTX and its manifest line belong to the present sources.
fresh() {
	line=$(grep "^$1$tab" "$old") || return 1
	[ -f "$out/$1" ] || return 1
	[ -z "$strict" ] || grep -qs "^${1%.ptx}$tab" "$table" || return 1
	[ "$(echo "$line" | cut -f2)" = "$(sha256sum <"$out/$1" | cut -d' ' -f1)" ] || return 1
	[ "$(echo "$line" | cut -f4)$tab$(echo "$line" | cut -f5)" = "$compiler$tab$2" ] || return 1
	listed=$(echo "$line" | cut -f6)
	for file in $listed; do [ -f "$file" ] || return 1; done
	[ "$(echo "$line" | cut -f3)" = "$(source_hash "$2" $listed)" ]
}

# lower writes the PTX with the lowest .version that ptxas accepts: lower RAW PTX ARCH.
lower() {
	case "$3" in
	sm_80) versions="7.0 7.1 7.2 7.3 7.4 7.5 7.6 7.7 7.8 8.0 8.1 8.2 8.3 8.4" ;;
	sm_90a) versions="8.0 8.1 8.2 8.3 8.4" ;;
	*) fail "unknown target $3: add the PTX versions it may use to scripts/ptx.sh" ;;
	esac
	for version in $versions; do
		awk -v root="$root" -v version="$version" -f scripts/ptx.awk "$1" "$1" >"$2"
		"$ptxas" -v -arch="$3" -o "$work/cubin" "$2" >"$work/ptxas" 2>&1 && return 0
	done
	return 1
}

# resources prints registers, spills and local memory of each kernel, from what ptxas -v said.
resources() {
	awk '/Compiling entry function/ { split($0, q, "\047"); name = q[2]; frame = "" }
		/Function properties/ && !($0 ~ name) { frame = "call" }
		/stack frame/ && name != "" && local[name] == "" { local[name] = $1 " bytes of local memory, " $5 + $9 " of spills" }
		/Used [0-9]+ registers/ { for (i = 1; i < NF; i++) if ($i == "Used") regs = $(i + 1); print name ": " regs " registers, " local[name] }' "$1"
}

new=$work/manifest
: >"$new"
: >"$work/lines"
different='' compiled=0
for source in $sources; do
	stem=$(basename "$source" .cu)
	flags=$(flags_of "$source")
	if grep -q "^$stem.ptx$tab" "$new"; then fail "two sources are called $stem.cu; the PTX folder is flat, rename one"; fi
	if [ -z "$check$force" ] && fresh "$stem.ptx" "$flags"; then
		grep "^$stem.ptx$tab" "$old" >>"$new"
		continue
	fi
	"$nvcc" -ccbin g++ $flags -ptx -MD -MF "$work/deps" -o "$work/raw" "$source" || fail "nvcc refused $source"
	arch=$(echo "$flags" | sed 's/^[^,]*,code=compute_\([0-9a-z]*\).*/sm_\1/')
	lower "$work/raw" "$work/$stem.ptx" "$arch" || { cat "$work/ptxas" >&2; fail "ptxas refused the PTX of $source"; }
	resources "$work/ptxas" >"$work/resources"
	sed "s,^,$stem: ," "$work/resources"
	if [ -n "$strict" ] && grep -v ', 0 bytes of local memory, 0 of spills' "$work/resources"; then
		fail "$source: kernels must not spill or use local memory (listed above)"
	fi
	awk -v module="$stem" -v arch="$arch" -f scripts/resources.awk "$work/ptxas" "$work/$stem.ptx" >>"$work/lines"
	dependencies=$(sed 's/^[^:]*://; s/\\$//' "$work/deps" | tr ' ' '\n' | sed -n "s,^$root/,,; /^\$/d; /^\\//d; /^build\\//d; p" |
		grep -vx "$source" | sort -u | tr '\n' ' ')
	listed=$(echo $source $dependencies)
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$stem.ptx" "$(sha256sum <"$work/$stem.ptx" | cut -d' ' -f1)" \
		"$(source_hash "$flags" $listed)" "$compiler" "$flags" "$listed" >>"$new"
	compiled=$((compiled + 1))
	if [ -n "$check" ]; then
		cmp -s "$work/$stem.ptx" "$out/$stem.ptx" || different="$different $stem.ptx"
	else
		cp "$work/$stem.ptx" "$out/$stem.ptx"
	fi
done

# Other runs may have written the manifest since: one at a time from here on.
exec 9<"$root/scripts/ptx.sh"
flock 9

# Lines of sources that were not asked for stay; a source that is gone takes its line and its PTX along.
while IFS=$tab read -r name _ _ _ _ listed; do
	grep -q "^$name$tab" "$new" && continue
	if [ -f "${listed%% *}" ]; then
		grep "^$name$tab" "$old" >>"$new"
	elif [ -z "$check" ]; then
		rm -f "$out/$name"
	fi
done <"$old"
sort -o "$new" "$new"

# The table of resources follows the manifest: lines of this run, and of modules that this run did not compile.
if [ -n "$strict" ]; then
	printf '# module\tkernel\tregisters\tstatic shared memory\tthreads a block\twarps of 64\n' >"$work/table"
	[ ! -f "$table" ] || awk -F"$tab" 'FILENAME == ARGV[1] { done[$1]; next } FILENAME == ARGV[2] { listed[$1]; next }
		!/^#/ && !($1 in done) && ($1 ".ptx") in listed' "$work/lines" "$new" "$table" >>"$work/lines"
	sort "$work/lines" >>"$work/table"
fi

if [ -n "$check" ]; then
	cmp -s "$new" "$old" || different="$different manifest.txt"
	[ -z "$strict" ] || cmp -s "$work/table" "$table" || different="$different resources.txt"
	[ -z "$different" ] || fail "$out is not what $required makes of the sources:$different; run make ptx and commit"
	echo "ptx.sh: $out: $compiled files compiled again, every byte the same"
	exit 0
fi
cmp -s "$new" "$manifest" 2>/dev/null || cp "$new" "$manifest"
[ -z "$strict" ] || cmp -s "$work/table" "$table" || cp "$work/table" "$table"
echo "ptx.sh: $out: $compiled files compiled, $(wc -l <"$manifest") in the manifest"
