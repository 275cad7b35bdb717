"""Times our training step and PyTorch's in turn, A/B/A/B, in one run, and prints the ratio.

    /usr/bin/python3 bench/peers/compare_cpu.py --preset fashion-mnist --ours 'bin/step -preset fashion-mnist -rounds 1'

--ours is any command that times some steps and prints JSON (lines or one document); --key is the field with the
milliseconds per step, looked up from the last JSON value that has it, at any depth, and --cpu-key that with the CPU
milliseconds per step, if there is one. PyTorch runs in one process that pauses between rounds. Rows: one per round and
side, then the summary with the median of the rounds' ratios. Other work on the machine makes the wall times of more than
one thread worthless (PyTorch's threads wait for each other); with --threads 1 the CPU times can still be compared.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys


def flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="fashion-mnist")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--ours", required=True, help="command line of the other side")
    parser.add_argument("--key", default="ms_median")
    parser.add_argument("--cpu-key", default="cpu_ms")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="PyTorch's steps a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--contiguous", action="store_true", help="PyTorch in N,C,H,W memory; default channels_last")
    parser.add_argument("--python", default=sys.executable)
    return parser.parse_args()


def find(value, key):
    """The last number under key in a JSON value, or None."""
    found = None
    if isinstance(value, dict):
        if isinstance(value.get(key), (int, float)):
            found = value[key]
        for child in value.values():
            deeper = find(child, key)
            found = deeper if deeper is not None else found
    elif isinstance(value, list):
        for child in value:
            deeper = find(child, key)
            found = deeper if deeper is not None else found
    return found


def parse(text):
    """The JSON values of a text: one document, or lines."""
    try:
        return [json.loads(text)]
    except ValueError:
        values = []
        for line in text.splitlines():
            try:
                values.append(json.loads(line))
            except ValueError:
                continue
        return values


def run_ours(args):
    """(wall, CPU or None) milliseconds per step of the other side."""
    env = dict(os.environ, GOMAXPROCS=str(args.threads), OPENBLAS_NUM_THREADS=str(args.threads))
    done = subprocess.run(shlex.split(args.ours), capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise SystemExit(f"{args.ours}: exit status {done.returncode}\n{done.stderr}")
    values = parse(done.stdout)
    wall = find(values, args.key)
    if wall is None:
        raise SystemExit(f"{args.ours}: no JSON with the key {args.key!r} in its output:\n{done.stdout[-2000:]}")
    return float(wall), find(values, args.cpu_key)


def medians(ours, theirs, unit):
    """The medians of both sides and of the rounds' ratios."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    return {
        f"ours_{unit}": round(statistics.median(ours), 2),
        f"torch_{unit}": round(statistics.median(theirs), 2),
        f"ratio_{unit}": round(statistics.median(ratios), 3),
        f"ratio_{unit}_min": round(min(ratios), 3),
        f"ratio_{unit}_max": round(max(ratios), 3),
    }


def start_torch(args):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "step_cpu.py")
    command = [args.python, script, "--interactive", "--preset", args.preset, "--steps", str(args.steps)]
    command += ["--threads", str(args.threads), "--batch", str(args.batch)]
    command += [] if args.contiguous else ["--channels-last"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


def main():
    args = flags()
    torch_side = start_torch(args)
    ours, theirs = [], []
    try:
        for i in range(args.rounds):
            load = round(os.getloadavg()[0], 2)
            torch_side.stdin.write("\n")
            torch_side.stdin.flush()
            row = json.loads(torch_side.stdout.readline())
            theirs.append((row["ms_median"], row["cpu_ms"]))
            print(json.dumps(dict(row, side="torch", round=i, load_before=load)), flush=True)
            ours.append(run_ours(args))
            row = dict(side="ours", command=args.ours, preset=args.preset, round=i, ms=ours[-1][0], cpu_ms=ours[-1][1])
            print(json.dumps(row), flush=True)
    finally:
        torch_side.stdin.close()
        torch_side.wait()
    summary = dict(preset=args.preset, rounds=args.rounds, threads=args.threads)
    summary.update(medians([wall for wall, _ in ours], [wall for wall, _ in theirs], "ms"))
    if all(cpu is not None for _, cpu in ours):
        summary.update(medians([cpu for _, cpu in ours], [cpu for _, cpu in theirs], "cpu_ms"))
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main()
