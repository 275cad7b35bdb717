"""GPU peer 3 of 3: torch.compile with max-autotune, the strongest peer. At most 8 minutes, most of it tuning.

    python3 gpu_max_autotune.py --out max-autotune.jsonl
    python3 gpu_max_autotune.py --device cpu --tiny

Training at batch 128 in pure bf16: compiled without Inductor's graphs, then the whole step (loss, backward, clip, fused
AdamW, EMA) captured into one CUDA graph; with Inductor's graphs if time is left. Sampling with and without freezing.
"""

import gpu_compiled
import gpu_micro


def main():
    args, rows = gpu_compiled.start("gpu_max_autotune", __doc__)
    rows.attempt(gpu_micro.denominators, rows, args)
    rows.attempt(gpu_compiled.train, rows, args, "bf16", "max-autotune-no-cudagraphs", graph=True)
    first, second = (1, 2) if args.tiny else (128, 1)
    rows.attempt(gpu_compiled.sample, rows, args, "bf16", "max-autotune", first)
    rows.attempt(gpu_compiled.sample, rows, args, "bf16", "max-autotune", second)
    rows.attempt(gpu_compiled.sample, rows, args, "bf16", "max-autotune", first, freezing=True)
    rows.attempt(gpu_compiled.train, rows, args, "bf16", "max-autotune")
    rows.attempt(gpu_micro.denominators, rows, args)
    rows.write("end")


if __name__ == "__main__":
    main()
