#!/bin/sh
# Compares this tree with an earlier commit: weights, metrics and samples after 20 training steps of the swiss roll and of a small
# U-Net (CPU, two threads), every row of `check` on the CPU and on the emulator, and the counters that the work tests print.
# Prints a line for each comparison; exits with 1 where something differs.
#   scripts/compare.sh COMMIT [--quick]     --quick leaves the emulator's checks and the work tests out
set -eu
cd "$(dirname "$0")/.."
commit=${1:?usage: scripts/compare.sh COMMIT [--quick]}
quick=${2:-}
export CGO_ENABLED=0
scratch=$(mktemp -d)
trap 'git worktree remove --force "$scratch/source" 2>/dev/null || true; rm -rf "$scratch"' EXIT
git worktree add --quiet --detach "$scratch/source" "$commit"
(cd "$scratch/source" && go build -o "$scratch/old.bin" ./cli/unnoise)
go build -o "$scratch/new.bin" ./cli/unnoise
mkdir "$scratch/old" "$scratch/new"

# 48 pictures of 3x8x8 bytes: an array's header of 128 bytes, then the bytes of the licence.
{
	printf '\223NUMPY\001\000\166\000'
	printf '%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (48, 8, 8, 3), }"
	head -c 9216 LICENSE
} >"$scratch/pictures.npy"
# Settings in their first spelling, which every later version reads.
cat >"$scratch/unet.toml" <<'TOML'
[network]
_class_name = "UNet2DModel"
sample_size = 8
in_channels = 3
out_channels = 3
block_out_channels = [16, 32]
layers_per_block = 1
down_block_types = ["DownBlock2D", "AttnDownBlock2D"]
up_block_types = ["AttnUpBlock2D", "UpBlock2D"]
attention_head_dim = 8
norm_num_groups = 8
norm_eps = 1e-5
dropout = 0.1

[diffusion]
schedule = { kind = "linear", timesteps = 100, beta_start = 1e-3, beta_end = 0.2 }

[data]
source = "pictures.npy"

[train]
steps = 20
batch = 8
accumulate = 2
learning_rate = 1e-3
warmup = 5
log_every = 5
eval_every = 10
eval_samples = 16
TOML

train() { # BINARY DIR
	(cd "$scratch" && "$1" --quiet --threads 2 train --preset swissroll --steps 20 --out "$2/roll" --set train.batch=64 &&
		"$1" --quiet --threads 2 train --config unet.toml --data pictures.npy --out "$2/unet") >"$2/train.log" 2>&1 || {
		cat "$2/train.log"
		exit 1
	}
	for model in roll unet; do
		# Times differ from run to run, the run's own clock is the only other thing left out.
		sed -E 's/,"samples_per_second":[^,}]*//' "$2/$model/metrics.jsonl" >"$2/$model.metrics"
		"$1" --quiet --seed 3 sample --model "$2/$model" -n 8 --sampler ddim --steps 10 --out "$2/$model-ddim.npy"
		"$1" --quiet --seed 3 sample --model "$2/$model" -n 8 --sampler ddpm --out "$2/$model-ddpm.npy"
	done
}
check() { # BINARY DIR DEVICE: rows without the key variant_name, which version 0.1.0 had not; failed checks are in the rows
	{ "$1" --quiet --device "$3" check --format json || true; } | sed 's/,"variant_name":"[^"]*"//' | sort >"$2/check-$3.jsonl"
}
work() { # SOURCE DIR: the counters, without the tests' times
	(cd "$1" && go test -count=1 -v -run 'Work|Traffic' ./kernels/...) |
		sed -nE '/^ +[a-z_]+_test\.go:[0-9]+: /s/^ +[a-z_]+_test\.go:[0-9]+: //p' | sort >"$2/work.txt"
}

differ=0
same() { # NAME FILE
	if cmp -s "$scratch/old/$2" "$scratch/new/$2"; then
		printf '%-52s equal (%s bytes)\n' "$1" "$(wc -c <"$scratch/new/$2")"
	else
		printf '%-52s DIFFERS\n' "$1"
		differ=1
		diff "$scratch/old/$2" "$scratch/new/$2" | head -n 10 || true
	fi
}
# Rows are compared by operator, case, type and variant: a newer tree may have more.
rows() { # NAME FILE
	lost=$(comm -23 "$scratch/old/$2" "$scratch/new/$2" | tee "$scratch/$2.lost" | wc -l)
	added=$(comm -13 "$scratch/old/$2" "$scratch/new/$2" | wc -l)
	printf '%-52s %s of %s lines of before are the same, %s new\n' "$1" \
		"$(($(wc -l <"$scratch/old/$2") - lost))" "$(wc -l <"$scratch/old/$2")" "$added"
	[ "$lost" = 0 ] || {
		differ=1
		head -n 10 "$scratch/$2.lost"
	}
}

for side in old new; do
	train "$scratch/$side.bin" "$scratch/$side"
	check "$scratch/$side.bin" "$scratch/$side" cpu
done
for model in roll unet; do
	same "$model: averaged weights after 20 steps" $model/checkpoints/step-20/unet/diffusion_pytorch_model.safetensors
	same "$model: losses, gradient norms, held-out losses" $model.metrics
	same "$model: 8 samples, ddim, 10 steps" $model-ddim.npy
	same "$model: 8 samples, ddpm" $model-ddpm.npy
done
rows "check --device cpu" check-cpu.jsonl
if [ -z "$quick" ]; then
	for side in old new; do check "$scratch/$side.bin" "$scratch/$side" emu; done
	rows "check --device emu" check-emu.jsonl
	work "$scratch/source" "$scratch/old"
	work . "$scratch/new"
	rows "counters of the work tests" work.txt
fi
exit $differ
