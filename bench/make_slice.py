#!/usr/bin/env python3
"""Writes a synthetic DeepSeek V4 checkpoint with the layer shapes of Flash or Pro, for measurements of speed.

  bench/make_slice.py OUT --format gguf|safetensors [--size flash|pro|tiny] [--layers 6] [--experts 64] [--seed 0]

gguf: OUT is a file, arch deepseek4, experts in MXFP4, dense matrices in Q8_0, small ones in F16 and F32.
safetensors: OUT is a folder in the official layout, FP8 with a scale per 128 x 128 values, FP4 experts with a scale
per 32. Both hold the same values for the same other options: random ones that every format has exactly, scaled so
that activations stay finite. The text that such a model writes means nothing.

A slice of 6 layers and 64 experts is 7.0 GB. It is streamed: memory stays below 100 MB. Python alone is enough.
"""
import argparse
import os
import pathlib
import shutil
import sys

from v4_slice import gguf, safetensors
from v4_slice.sizes import SIZES, sized
from v4_slice.tensors import Slice
from v4_slice.vocabulary import Vocabulary


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--format", choices=("gguf", "safetensors"), required=True)
    parser.add_argument("--size", choices=SIZES, default="flash", help="shapes of the layers (flash)")
    parser.add_argument("--layers", type=int, help="the first layers of the model (6)")
    parser.add_argument("--experts", type=int, help="routed experts of a layer (64)")
    parser.add_argument("--vocab", type=int, help="tokens (129280, as published)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if (args.layers or 1) < 1:
        parser.error("--layers must be at least 1")
    used = SIZES[args.size].experts_per_token
    if (args.experts or used) < used:
        parser.error(f"--experts must be at least {used}: a token has so many")
    return args


def check_space(folder, tensors):
    need, free = sum(t.bytes for t in tensors), shutil.disk_usage(folder).free
    print(f"{len(tensors)} tensors, {need / 1e9:.2f} GB; {folder} has {free / 1e9:.1f} GB free", file=sys.stderr)
    if need + (64 << 20) > free:
        sys.exit(f"{folder}: {need} bytes are needed, {free} are free")


def main():
    args = arguments()
    size = sized(args.size, args.layers, args.experts, args.vocab)
    vocabulary = Vocabulary(size.vocab)
    slice_ = Slice(size, args.seed)
    as_folder = args.format == "safetensors"
    tensors = slice_.as_safetensors() if as_folder else slice_.as_gguf()
    folder = args.out if as_folder else args.out.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, tensors)
    target = args.out / "model.safetensors" if as_folder else args.out
    partial = target.with_name(target.name + ".partial")
    with open(partial, "wb") as file:
        if as_folder:
            safetensors.write(args.out, file, size, vocabulary, tensors)
        else:
            gguf.write(file, size, vocabulary, tensors)
    os.replace(partial, target)


if __name__ == "__main__":
    main()
