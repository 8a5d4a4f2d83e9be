#!/usr/bin/env python3
"""Reads JUnit files of ctest and of tools/run_shards.py, and prints the skipped tests with their reasons, and one line of counts."""
import re
import sys
import xml.etree.ElementTree as tree

passed = failed = 0
skipped = {}
for path in sys.argv[1:]:
    for case in tree.parse(path).getroot().iter("testcase"):
        text = (case.findtext("system-out") or "")
        mark = case.find("skipped")
        if case.get("status") in ("disabled", "notrun") or mark is not None or "[  SKIPPED ]" in text:
            told = re.search(r"\n(.*)", mark.get("message", "") if mark is not None else "") or re.search(r"Skipped\n(.*)", text)
            skipped.setdefault(told.group(1).strip() if told else "no reason given", []).append(case.get("name"))
        elif case.find("failure") is not None:
            failed += 1
        else:
            passed += 1
for reason, names in sorted(skipped.items()):
    print(f"skipped: {reason}")
    for name in sorted(set(names)):
        print(f"    {name}")
print(f"{passed} passed, {failed} failed, {sum(map(len, skipped.values()))} skipped")
