#!/usr/bin/env python3
"""Writes a synthetic checkpoint of a few layers with the shapes of a published model, for measurements of speed.

  bench/make_slice.py OUT --format gguf|safetensors [--family FAMILY] [--size SIZE] [--layers N] [--experts N] [--seed 0]

gguf: OUT is a file with llama.cpp's names. safetensors: OUT is a folder in the published layout. Both hold the same
values for the same other options: random ones that every format has exactly, scaled so that activations stay finite.
The text that such a model writes means nothing.

deepseek_v4 (the default family) has the sizes flash, pro and tiny. Experts are in MXFP4 or FP4, dense matrices in Q8_0
or FP8. A slice of 6 layers and 64 experts is 7.0 GB.
deepseek_v3, qwen3_5_moe, gpt_oss and glm4_moe have the sizes published and tiny, and a vocabulary of 32768 unless
--vocab says another. deepseek_v3 is V3, qwen3_5_moe 35B-A3B (GGUF only), gpt_oss 20b, glm4_moe GLM-4.6. In GGUF files
experts of gpt_oss are in MXFP4, all other matrices in Q8_0; --k-quants stores the other families' experts in Q4_K, with
other values. In safetensors, matrices are in FP8 (deepseek_v3), MXFP4 (experts of gpt_oss) and BF16.

It is streamed: memory stays below 100 MB. Python alone is enough.
"""
import argparse
import os
import pathlib
import shutil
import sys

from family_slice import keys
from family_slice.layout import Layout
from family_slice.shapes import PUBLISHED, shaped
from v4_slice import gguf, safetensors
from v4_slice.sizes import SIZES, sized
from v4_slice.tensors import Slice
from v4_slice.vocabulary import Vocabulary


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--format", choices=("gguf", "safetensors"), required=True)
    parser.add_argument("--family", choices=("deepseek_v4", *PUBLISHED), default="deepseek_v4")
    parser.add_argument("--size", choices=(*SIZES, "published"), help="shapes of the layers (flash, published)")
    parser.add_argument("--layers", type=int, help="the first layers of the model (6; 3 or 4)")
    parser.add_argument("--experts", type=int, help="routed experts of a layer (64; 16 to 64)")
    parser.add_argument("--vocab", type=int, help="tokens (129280, as published; 32768)")
    parser.add_argument("--k-quants", action="store_true", help="experts in Q4_K")
    parser.add_argument("--seed", type=int, default=0)
    return parser, parser.parse_args()


class V4:
    """A slice of DeepSeek V4: its shape, and what a file of either format says of it."""

    def __init__(self, args):
        self.shape = sized(args.size or "flash", args.layers, args.experts, args.vocab)
        self.tensors = Slice(self.shape, args.seed)

    def gguf(self, vocabulary):
        return gguf.keys(self.shape, vocabulary), self.tensors.as_gguf()

    def safetensors(self):
        return safetensors.config(self.shape), self.tensors.as_safetensors()


class Other:
    """The same of another family."""

    def __init__(self, args):
        self.shape = shaped(args.family, args.size == "tiny", args.layers, args.experts, args.vocab)
        self.tensors, self.k_quants = Layout(self.shape, args.seed), args.k_quants

    def gguf(self, vocabulary):
        return keys.gguf_keys(self.shape, vocabulary), self.tensors.as_gguf(self.k_quants)

    def safetensors(self):
        return keys.config(self.shape), self.tensors.as_safetensors()


def fault_of(args):
    v4 = args.family == "deepseek_v4"
    if args.size and args.size != "tiny" and (args.size == "published") == v4:
        return f"{args.family} has no size {args.size}"
    if args.k_quants and (v4 or args.family == "gpt_oss" or args.format != "gguf"):
        return "--k-quants is for GGUF files of deepseek_v3, qwen3_5_moe and glm4_moe"
    if args.format == "safetensors" and args.family == "qwen3_5_moe":
        return "qwen3_5_moe is written as GGUF only"
    if (args.layers or 1) < 1:
        return "--layers must be at least 1"
    return None


def check_space(folder, tensors):
    need, free = sum(t.bytes for t in tensors), shutil.disk_usage(folder).free
    print(f"{len(tensors)} tensors, {need / 1e9:.2f} GB; {folder} has {free / 1e9:.1f} GB free", file=sys.stderr)
    if need + (64 << 20) > free:
        sys.exit(f"{folder}: {need} bytes are needed, {free} are free")


def main():
    parser, args = arguments()
    if fault := fault_of(args):
        parser.error(fault)
    slice_ = (V4 if args.family == "deepseek_v4" else Other)(args)
    used = slice_.shape.experts_per_token
    if slice_.shape.experts < used:
        parser.error(f"--experts must be at least {used}: a token has so many")
    vocabulary = Vocabulary(slice_.shape.vocab)
    as_folder = args.format == "safetensors"
    said, tensors = slice_.safetensors() if as_folder else slice_.gguf(vocabulary)
    folder = args.out if as_folder else args.out.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, tensors)
    target = args.out / "model.safetensors" if as_folder else args.out
    partial = target.with_name(target.name + ".partial")
    with open(partial, "wb") as file:
        if as_folder:
            safetensors.write(args.out, file, said, vocabulary, tensors)
        else:
            gguf.write(file, said, tensors)
    os.replace(partial, target)


if __name__ == "__main__":
    main()
