#!/usr/bin/env python3
"""Reads ctest's JUnit files and prints the skipped tests with their reasons, and one line of counts."""
import re
import sys
import xml.etree.ElementTree as tree

passed = failed = 0
skipped = {}
for path in sys.argv[1:]:
    for case in tree.parse(path).getroot().iter("testcase"):
        text = (case.findtext("system-out") or "")
        if case.get("status") == "disabled" or case.find("skipped") is not None or "[  SKIPPED ]" in text:
            reason = re.search(r"Skipped\n(.*)", text)
            skipped.setdefault(reason.group(1).strip() if reason else "no reason given", []).append(case.get("name"))
        elif case.find("failure") is not None:
            failed += 1
        else:
            passed += 1
for reason, names in sorted(skipped.items()):
    print(f"skipped: {reason}")
    for name in sorted(set(names)):
        print(f"    {name}")
print(f"{passed} passed, {failed} failed, {sum(map(len, skipped.values()))} skipped")
