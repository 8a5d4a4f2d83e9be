#!/usr/bin/env python3
"""Is a step behind synthetic state as fast as behind a text that was read? Prints both, and their ratio.

  bench/check_depth.py MODEL [--tokens 32768] [--decode 64] [--rounds 3] [--autark build/release/autark]

In each round `autark bench` decodes behind a prompt of so many tokens and behind as many synthetic ones; the exit code
is 1 when the median of the ratios is more than 5 % from 1. Reading 32768 tokens takes minutes. Run it on a quiet
machine.
"""
import argparse
import json
import pathlib
import statistics
import sys

from peer_speed import engines, machine

ALLOWED = 0.05
LAST = 128  # tokens of the prompt that are read behind synthetic state, too


def step_seconds(args, depth):
    out = engines.output_of([args.autark, "bench", args.model, "--prefill", args.tokens - depth, "--depth", depth,
                             "--decode", args.decode, "--threads", args.threads, "--repeat", 1, "--json"])
    return json.loads(out)["decode_seconds_per_step"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--tokens", type=int, default=32768)
    p.add_argument("--decode", type=int, default=64)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=machine.cores())
    p.add_argument("--autark", type=pathlib.Path,
                   default=pathlib.Path(__file__).resolve().parent.parent / "build/release/autark")
    args = p.parse_args()
    ratios = []
    for number in range(args.rounds):
        real, synthetic = step_seconds(args, 0), step_seconds(args, args.tokens - LAST)
        ratios.append(synthetic / real)
        print(f"round {number + 1}: {real * 1e3:.2f} ms a step behind a text of {args.tokens} tokens, "
              f"{synthetic * 1e3:.2f} ms behind synthetic state: ratio {ratios[-1]:.3f}", flush=True)
    middle = statistics.median(ratios)
    print(f"median ratio {middle:.3f}; {1 - ALLOWED:.2f} to {1 + ALLOWED:.2f} is good")
    sys.exit(abs(middle - 1) > ALLOWED)


if __name__ == "__main__":
    main()
