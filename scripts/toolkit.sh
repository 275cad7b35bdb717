#!/bin/sh
# Unpacks nvcc 12.4.131 (with ptxas, cuobjdump, nvdisasm and the headers) into build/cuda.
#
#   scripts/toolkit.sh            unpack, or do nothing when it is there already
#   scripts/toolkit.sh --check    only say whether it is there; exit status 1 when not
#
# Nothing is installed system-wide and nothing outside the prefix is written: the packages are the distribution's own
# (Debian 13, unpacked on Debian 12 or newer), fetched with apt into a private state folder. The mirror's address is taken from
# the machine's own apt sources. Needs apt-get, dpkg-deb, tar, g++ and about 6 GB of disk while it unpacks; root is not needed.
#
#   CUDA_PREFIX   where to unpack; default build/cuda in this repository
set -eu

version=12.4.131
suite=trixie
components="main contrib non-free"
packages="nvidia-cuda-toolkit nvidia-cuda-dev libnvvm4 libcu++-dev libcub-dev libthrust-dev libcuda1"

root=$(cd "$(dirname "$0")/.." && pwd)
prefix=${CUDA_PREFIX:-$root/build/cuda}
case "$prefix" in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
toolkit=$prefix/usr/lib/nvidia-cuda-toolkit
nvcc=$toolkit/bin/nvcc

fail() {
	echo "toolkit.sh: $1" >&2
	exit 1
}

# installed reports whether the pinned version runs from the prefix.
installed() {
	[ -f "$prefix/.complete" ] && [ -x "$nvcc" ] && [ -x "$prefix/usr/bin/ptxas" ] &&
		"$nvcc" --version 2>/dev/null | grep -q "V$version\$"
}

# write_profile tells nvcc where its parts are. The package ships a link into /etc that dangles here.
write_profile() {
	rm -f "$toolkit/bin/nvcc.profile"
	cat >"$toolkit/bin/nvcc.profile" <<PROFILE
NVVMIR_LIBRARY_DIR = $toolkit/libdevice
PATH += $toolkit/bin:$prefix/usr/bin:
INCLUDES += -I$prefix/usr/include
PROFILE
}

# mirrors prints the addresses that serve this machine's own release, from its apt sources, those that look like Debian's first.
# It works before any apt-get update, too.
mirrors() {
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get --print-uris -o Dir::State::lists="$apt/lists" -o Debug::NoLocking=1 update |
		sed -n "s,^'\\(.*\\)/dists/\\($codename\\|stable\\|testing\\|sid\\)/.*,\\1,p" | awk '!seen[$0]++ { print ($0 ~ /\/debian$/ ? 0 : 1), $0 }' |
		sort -s -n -k1,1 | cut -d' ' -f2-
}

case "${1:-}" in
--check)
	installed || fail "no toolkit $version in $prefix; run scripts/toolkit.sh (make toolkit)"
	exit 0
	;;
'') ;;
*) fail "unknown argument $1; usage: scripts/toolkit.sh [--check]" ;;
esac

if installed; then
	write_profile
	echo "toolkit.sh: $version is in $prefix"
	exit 0
fi

[ "$(uname -sm)" = "Linux x86_64" ] || fail "needs Linux on x86_64, this is $(uname -sm); PTX is committed, so only kernel authors need the toolkit"
for tool in apt-get dpkg-deb tar awk; do
	command -v $tool >/dev/null || fail "needs $tool (a Debian system); on another system install CUDA $version yourself and set NVCC and PTXAS for scripts/ptx.sh"
done
command -v g++ >/dev/null || fail "needs g++ (nvcc's host compiler): apt-get install g++"

# A private apt: own source list, own state, own cache, no hooks that touch the system. The machine's apt.conf (proxies) and
# credentials still apply.
apt=$prefix/.apt
rm -rf "$prefix/.complete" "$apt"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/preferences.d"
: >"$apt/status"
cat >"$apt/apt.conf" <<CONFIG
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt/preferences.d";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Sandbox::User "$(id -un)";
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures { "amd64"; };
Acquire::Languages "none";
Acquire::Retries "3";
CONFIG
private_apt() { apt-get -q -c "$apt/apt.conf" "$@"; }

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
options="[arch=amd64]"
[ ! -f $keyring ] || options="[arch=amd64 signed-by=$keyring]"
echo "toolkit.sh: reading the package lists of $suite"
found=''
for uri in $(mirrors); do
	echo "deb $options $uri $suite $components" >"$apt/sources.list"
	if private_apt update >"$apt/log" 2>&1 && private_apt download --print-uris $packages >>"$apt/log" 2>&1; then
		found=1
		break
	fi
done
[ -n "$found" ] || {
	cat "$apt/log" >&2 2>/dev/null || true
	fail "no mirror in the machine's apt sources serves $suite ($components)"
}
echo "toolkit.sh: fetching about 1 GB of packages"
(cd "$apt/archives" && private_apt download $packages) >"$apt/log" 2>&1 ||
	{ cat "$apt/log" >&2; fail "could not fetch the packages from the machine's mirror"; }
case "$(echo "$apt"/archives/nvidia-cuda-toolkit_*)" in
*_"$version"~*) ;;
*) fail "$suite has $(cd "$apt/archives" && echo nvidia-cuda-toolkit_*), this project pins $version: the pin in scripts/toolkit.sh and every committed PTX must move together" ;;
esac

# Static libraries of the mathematics packages (gigabytes) are never linked here.
echo "toolkit.sh: unpacking into $prefix"
for deb in "$apt"/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$prefix" --no-same-owner --exclude='*_static*.a' --exclude='*/doc/*' ||
		fail "could not unpack $(basename "$deb"); is the disk full?"
	rm -f "$deb"
done
write_profile
rm -rf "$apt"

"$nvcc" --version | grep -q "V$version\$" || fail "unpacked nvcc does not report V$version: $("$nvcc" --version | tail -2 | head -1)"
echo "$version" >"$prefix/.complete"
echo "toolkit.sh: $version is in $prefix"
