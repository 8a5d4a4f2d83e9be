#!/usr/bin/env python3
"""Runs the tests of one GoogleTest program in shards, as many at once as there are processors.

    tools/run_shards.py PROGRAM [--without PATTERN...] [--report FILE.xml] [--timeout SECONDS]

A pattern is one of --gtest_filter ("*_far_*"). Starting a program of thousands of tests for each of them, as ctest does, costs
minutes under a sanitizer. The output of a shard that failed is printed from each failed test on; the test that ran when a
process died or its time was over counts as failed. The report is JUnit's, for tools/report_skipped.py.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as tree

SHARDS = 32  # small enough that the last one does not run alone for long


def tests_of(o):
    """The full names of all tests, in the program's order."""
    command = [o.program, "--gtest_list_tests", "--gtest_filter=*-" + ":".join(o.without)]
    suite, names = "", []
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        word = line.split("#")[0].rstrip()
        if word.endswith(".") and not word.startswith(" "):
            suite = word
        elif word.startswith("  "):
            names.append(suite + word.strip())
    return names


def run_shard(o, folder, index, tests):
    """The names are an argument: GoogleTest's own variables for shards would reach programs that a test starts."""
    report = folder / f"{index}.xml"
    command = [o.program, "--gtest_filter=" + ":".join(tests), f"--gtest_output=xml:{report}"]
    with open(folder / f"{index}.log", "w+b") as log:
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=o.timeout).returncode
        except subprocess.TimeoutExpired:
            code = f"no end within {o.timeout} s"
        log.seek(0)
        return code, log.read().decode(errors="replace"), report


def cases_of(report):
    return tree.parse(report).getroot().iter("testcase") if report.is_file() else []


def died_in(output):
    """The test that ran last, if it did not end."""
    started = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    ended = re.findall(r"^\[ +(?:OK|FAILED|SKIPPED) +\] (\S+) \(", output, re.MULTILINE)
    return started[-1] if started and started[-1] not in ended[-1:] else "the program itself"


def outputs_of(names, output):
    for name in names:
        part = re.search(rf"^\[ RUN      \] {re.escape(name)}\n.*?(?=^\[ RUN|\Z)", output, re.MULTILINE | re.DOTALL)
        yield part.group(0)[-6000:] if part else output[-6000:]


def failures_of(tests, code, output, cases):
    """The names of failed tests. One that ends the process leaves no report, whatever the exit code is."""
    failed = [c.get("name") for c in cases if c.find("failure") is not None]
    if failed or (code == 0 and len(cases) == len(tests)):
        return failed
    return [died_in(output)]


def gather(o, folder):
    """The cases of all shards as one report; the names of failed tests, and their outputs."""
    suite, failed, outputs = tree.Element("testsuite"), [], []
    names = tests_of(o)
    parts = [names[i::SHARDS] for i in range(min(SHARDS, len(names)))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ran = pool.map(lambda i: run_shard(o, folder, i, parts[i]), range(len(parts)))
        for tests, (code, output, report) in zip(parts, ran):
            cases = list(cases_of(report))
            for case in cases:
                case.set("name", f"{case.get('classname')}.{case.get('name')}")
            suite.extend(cases)
            bad = failures_of(tests, code, output, cases)
            if bad and not any(c.get("name") in bad for c in cases):
                outputs.append(f"exit code {code}:")
                tree.SubElement(tree.SubElement(suite, "testcase", name=bad[0]), "failure")
            failed += bad
            outputs += outputs_of(bad, output)
    return suite, failed, outputs


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("program")
    o.add_argument("--without", action="extend", nargs="+", default=[], metavar="PATTERN")
    o.add_argument("--report", type=pathlib.Path)
    o.add_argument("--timeout", type=float, default=1800, help="of one shard")
    o = o.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        suite, failed, outputs = gather(o, pathlib.Path(folder))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(failed)))
    if o.report:
        tree.ElementTree(suite).write(o.report)
    print(*outputs, sep="\n") if outputs else None
    print(f"{len(suite)} tests, {len(failed)} failed, {time.monotonic() - began:.0f} s")
    for name in failed:
        print(f"failed: {name}")
    sys.exit(bool(failed) or not len(suite))


if __name__ == "__main__":
    main()
