#!/usr/bin/env python3
"""Fails on code that clang-format would change, on tabs, commented-out code, stray binaries and files over a megabyte."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
files = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
files = [root / f for f in files.decode().split("\0") if f and (root / f).is_file()]
bad = []

cpp = [f for f in files if f.suffix in (".cc", ".h")]
formatted = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, cpp)], capture_output=True, text=True)
bad += sorted({line.split(":")[0] + ": clang-format would change it"
               for line in formatted.stderr.splitlines() if "-Wclang-format" in line})

for f in files:
    name = f.relative_to(root)
    if f.stat().st_size > 1 << 20 and not str(name).startswith("tests/golden/"):
        bad.append(f"{name}: larger than a megabyte")
    if f in cpp:
        for n, line in enumerate(f.read_text().splitlines(), 1):
            if "\t" in line:
                bad.append(f"{name}:{n}: tab")
            if re.match(r"\s*//.*;\s*$", line) and re.search(r"[=()]\S*.*;\s*$", line) and "REQUIRES" not in line \
                    and re.match(r"\s*//\s*(if|for|return|auto|const|int|float|std::|[a-z_]+\()", line) \
                    and not re.search(r"[a-z] [a-z]+ [a-z]+ [a-z]+", line):
                bad.append(f"{name}:{n}: commented-out code")
golden = sum(f.stat().st_size for f in files if str(f.relative_to(root)).startswith("tests/golden/"))
if golden > 30 << 20:
    bad.append(f"tests/golden: {golden >> 20} MiB, at most 30 are kept here")
print("\n".join(bad) or f"tidy: {len(files)} files")
sys.exit(bool(bad))
