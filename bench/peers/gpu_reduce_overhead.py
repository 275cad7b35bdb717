"""GPU peer 2 of 3: torch.compile with mode reduce-overhead (Inductor's own CUDA graphs). At most 8 minutes.

    python3 gpu_reduce_overhead.py --out reduce-overhead.jsonl
    python3 gpu_reduce_overhead.py --device cpu --tiny

Training at batch 128 in pure bf16 and under autocast; the default mode captured whole into one CUDA graph (loss,
backward, clip, AdamW, EMA); sampling at batch 128, 1, 16, 256; group norm + SiLU and the optimizer, compiled.
"""

import gpu_compiled
import gpu_micro


def main():
    args, rows = gpu_compiled.start("gpu_reduce_overhead", __doc__)
    rows.attempt(gpu_micro.denominators, rows, args)
    rows.attempt(gpu_compiled.train, rows, args, "bf16", "reduce-overhead")
    rows.attempt(gpu_compiled.train, rows, args, "bf16", "default", graph=True)
    batches = (1, 2) if args.tiny else (128, 1, 16, 256)
    for batch in batches[:2]:
        rows.attempt(gpu_compiled.sample, rows, args, "bf16", "reduce-overhead", batch)
    rows.attempt(gpu_compiled.train, rows, args, "autocast", "reduce-overhead")
    rows.attempt(gpu_micro.optimizer_table, rows, args, compiled=True)
    for batch in batches[2:]:
        rows.attempt(gpu_compiled.sample, rows, args, "bf16", "reduce-overhead", batch)
    rows.attempt(gpu_micro.norm_table, rows, args, compiled=True)
    rows.attempt(gpu_micro.denominators, rows, args)
    rows.write("end")


if __name__ == "__main__":
    main()
