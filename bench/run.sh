#!/bin/sh
# Runs what the pack holds, on a machine that has Python 3 with PyTorch but no Go. Rows go to results/.
#
#   ./run.sh tests              the test binaries (a few minutes)
#   ./run.sh kernels            every kernel of ours checked on the GPU, then timed, with training and sampling steps
#   ./run.sh eager              PyTorch on the GPU, three scripts of at most 8 minutes each
#   ./run.sh reduce-overhead
#   ./run.sh max-autotune
#   ./run.sh cpu                our training step beside PyTorch's on the CPU (needs NumPy too)
#   ./run.sh all                all of these
#
# PYTHON names another interpreter than python3.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
date=$(date -u +%Y-%m-%d)
mkdir -p results

run_tests() {
	failed=
	for test in $(cd tests && find . -name '*.test' | sort); do
		name=$(dirname "${test#./}")
		if (cd "tests/$name" && "./$(basename "$test")" -test.short) >results/test.log 2>&1; then
			echo "ok      $name"
		else
			echo "FAILED  $name"
			tail -20 results/test.log
			failed="$failed $name"
		fi
	done
	rm -f results/test.log
	[ -z "$failed" ]
}

run_kernels() {
	./unnoise doctor
	(cd tests/cuda/driver && ./driver.test -test.run TestGPU) || return 1
	./unnoise check --device cuda --format json >"results/$date-check.jsonl" || return 1
	for what in step sample kernels; do
		./unnoise bench $what --device cuda --preset cifar10 --batch 128 --rows "results/$date-unnoise.jsonl" || return 1
	done
}

run_gpu() {
	script=peers/gpu_$(echo "$1" | tr - _).py
	"$python" "$script" --out "results/$date-gpu-$1.jsonl"
}

run_cpu() {
	./unnoise bench compare --peers peers --python "$python" --rows "results/$date-cpu.jsonl" --plot "results/$date-cpu.png"
}

status=0
case ${1:-} in
tests) run_tests ;;
kernels) run_kernels ;;
eager | reduce-overhead | max-autotune) run_gpu "$1" ;;
cpu) run_cpu ;;
all)
	run_tests || status=1
	run_kernels || status=1
	for peer in eager reduce-overhead max-autotune; do run_gpu "$peer" || status=1; done
	run_cpu || status=1
	exit $status
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' run.sh >&2
	exit 2
	;;
esac
