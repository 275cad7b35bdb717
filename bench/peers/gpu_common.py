"""What the GPU peers share: rows, timing, the record of the machine, the time budget. Only torch is imported.

Every row is one JSON line, written and flushed when it is made, with the device, driver, versions, clocks and throttle
reasons of the moment. On the CPU (--device cpu --tiny) the same code runs with wall-clock times, to prove that it runs.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback

import torch

SMI_FIELDS = "name,driver_version,power.limit,power.draw,temperature.gpu,clocks.sm,clocks.mem"
# The reasons for low clocks: the present name of the field, then that of drivers before 535.
SMI_REASONS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")


def flags(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a small net and few steps: proves that the script runs")
    parser.add_argument("--out", default="-", help="file for the JSON lines; - is standard output")
    parser.add_argument("--budget", type=float, default=450, help="seconds after which what runs is cut off")
    parser.add_argument("--batch", type=int, default=128, help="training batch")
    parser.add_argument("--sdp", choices=("default", "cudnn", "flash"), default="default", help="attention backend of the net")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.tiny:
        args.batch = min(args.batch, 2)
    if args.sdp != "default":
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_flash_sdp(args.sdp == "flash")
        torch.backends.cuda.enable_cudnn_sdp(args.sdp == "cudnn")
    return args


def smi():
    """Clocks, power and throttle reasons as nvidia-smi says them now; empty without it."""
    for reasons in SMI_REASONS:
        command = ["nvidia-smi", f"--query-gpu={SMI_FIELDS},{reasons}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        lines = done.stdout.strip().splitlines()
        index = torch.cuda.current_device() if torch.cuda.is_available() else 0
        values = [v.strip() for v in lines[min(index, len(lines) - 1)].split(",")]
        names = ("device", "driver", "power_limit_w", "power_w", "temperature_c", "sm_mhz", "mem_mhz", "throttle")
        return dict(zip(names, values))
    return {}


class Rows:
    """Writes the rows of one script."""

    def __init__(self, script, args):
        self.file = sys.stdout if args.out == "-" else open(args.out, "a", encoding="utf-8")
        self.start, self.budget, self.cuda = time.monotonic(), args.budget, args.device.startswith("cuda")
        self.machine, self.machine_at = {}, -math.inf
        watchdog = threading.Timer(args.budget + 10, self.stop)
        watchdog.daemon = True
        watchdog.start()
        self.base = dict(
            script=script,
            torch=torch.__version__,
            cuda=torch.version.cuda,
            cudnn=torch.backends.cudnn.version() if self.cuda else None,
            device=torch.cuda.get_device_name() if self.cuda else "cpu",
            sdp=args.sdp,
            tiny=args.tiny,
        )

    def write(self, kind, **fields):
        """Writes one row with the state of the machine, read after the measurement and at most every five seconds."""
        now = time.monotonic() - self.start
        row = dict(self.base, kind=kind, at_s=round(now, 1), **fields)
        if self.cuda and now - self.machine_at > 5:
            self.machine, self.machine_at = smi(), now
        row.update(self.machine)
        print(json.dumps(row), file=self.file, flush=True)
        if self.file is not sys.stdout:
            short = {k: v for k, v in row.items() if k not in self.base and k not in ("temperature_c", "power_limit_w")}
            print(json.dumps(short), flush=True)

    def stop(self):
        """Ends the process where a call into a library does not come back."""
        self.file.write(json.dumps(dict(self.base, kind="end", error="cut off ten seconds after the budget")) + "\n")
        self.file.flush()
        os._exit(3)

    def attempt(self, stage, *args, **keys):
        """Calls stage; what it raises becomes a row, and the script goes on."""
        try:
            stage(*args, **keys)
        except (Exception, OverBudget) as error:
            self.write("stage", stage=stage.__name__, error=f"{type(error).__name__}: {error}"[:400])
            traceback.print_exc()

    def left(self):
        return self.budget - (time.monotonic() - self.start)

    @contextlib.contextmanager
    def section(self, kind, need=5.0, **fields):
        """Runs a measurement; what fails, or does not fit the budget, becomes a row that says so.

        Yields True if there are at least `need` seconds left, False otherwise (then measure nothing).
        """
        if self.left() < need:
            self.write(kind, skipped=f"{self.left():.0f} s of the budget left, {need:.0f} needed", **fields)
            yield False
            return
        signal.signal(signal.SIGALRM, over_budget)
        # Again every five seconds: a library may swallow the first one.
        signal.setitimer(signal.ITIMER_REAL, self.left(), 5)
        try:
            try:
                yield True
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except (Exception, OverBudget) as error:  # a peer that cannot run is a result: it is recorded, the rest goes on
            self.write(kind, error=f"{type(error).__name__}: {error}"[:400], **fields)
            traceback.print_exc()
        if self.cuda:
            torch.cuda.empty_cache()


class OverBudget(BaseException):
    """The time budget is spent. No Exception, so that no library takes it for a failed attempt of its own."""


def over_budget(signum, frame):
    raise OverBudget("the time budget is spent")


def sync(cuda):
    if cuda:
        torch.cuda.synchronize()


def summary(ms):
    """Median, p10 and p90 of a list of milliseconds."""
    ordered = sorted(ms)
    last = len(ordered) - 1
    return dict(
        median_ms=round(statistics.median(ordered), 5),
        p10_ms=round(ordered[round(0.1 * last)], 5),
        p90_ms=round(ordered[round(0.9 * last)], 5),
        samples=len(ordered),
    )


def time_steps(step, count, cuda):
    """Runs step count times. Returns (milliseconds of each by events, wall milliseconds per step with one sync)."""
    sync(cuda)
    begin = time.perf_counter()
    if not cuda:
        times = []
        for _ in range(count):
            one = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - one))
        return times, 1e3 * (time.perf_counter() - begin) / count
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    events[0].record()
    for event in events[1:]:
        step()
        event.record()
    torch.cuda.synchronize()
    wall = 1e3 * (time.perf_counter() - begin) / count
    return [a.elapsed_time(b) for a, b in zip(events, events[1:])], wall


def warm_up(step, cuda, tiny, steps=50, seconds=3.0):
    """At least `steps` steps and `seconds` seconds; returns the time to the first finished step in seconds."""
    begin = time.perf_counter()
    step()
    sync(cuda)
    first = time.perf_counter() - begin
    done, begin = 1, time.perf_counter()
    while not tiny and (done < steps or time.perf_counter() - begin < seconds):
        step()
        done += 1
        if done % 10 == 0:
            sync(cuda)
    sync(cuda)
    return first


class Captured:
    """A function recorded into a CUDA graph; calling it replays. The function must allocate nothing that outlives it."""

    def __init__(self, function, warmups=3):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(warmups):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = function()

    def __call__(self):
        self.graph.replay()
        return self.result


def time_kernel(calls, cuda, tiny, target_ms=20.0, samples=15):
    """Times one kernel without launch gaps. calls: functions that do the same work on different buffers.

    On a GPU all calls are recorded into one CUDA graph, repeated to about target_ms, and replayed `samples` times; the
    result is the summary of milliseconds per call. Rotate over more than three times the L2 cache for cold numbers.
    """
    if not cuda:
        return summary([t for call in calls[:2] for t in time_steps(call, 1 if tiny else 5, False)[0]])
    for call in calls:
        call()
    ms, _ = time_steps(calls[0], 10, True)
    repeats = max(1, min(200, math.ceil(target_ms / max(statistics.median(ms), 1e-3) / len(calls))))

    def everything():
        for _ in range(repeats):
            for call in calls:
                call()

    graph = Captured(everything, warmups=1)
    time_steps(graph, 2, True)
    ms, _ = time_steps(graph, samples, True)
    return summary([t / (repeats * len(calls)) for t in ms])


def copies(bytes_each, cuda, tiny, budget=256 << 20):
    """How many sets of operands to rotate over: more than three times the L2 cache (60 MB on H100 and H200)."""
    if tiny or not cuda:
        return 1
    return max(1, min(64, math.ceil(budget / max(bytes_each, 1))))
