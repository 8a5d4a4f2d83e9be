#!/usr/bin/env python3
"""Measures src/: lengths of functions, share of comment lines, sizes of files, cycles between folders.

  tools/measure.py            a table, by folder and whole
  tools/measure.py --json     the same numbers as one JSON object
  tools/measure.py --check    exit code 1 and the offenders, unless 90 % of the functions have at most 20 lines and none
                              more than 70, 7 to 12 % of the lines are comments and no folders include each other

A function counts from the first line of its head (after `template <...>`) to its closing brace, lambdas and local
classes included. A comment line holds a comment and nothing else; its share is of the lines that are not blank. Left
out are *_test.cc, *_test_ISA.cc, *_fuzz.cc, the helpers of tests (testing.cc, *_testing.cc, fake_*.cc) and headers that
only these include.
"""
import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src"
LIMITS = {"p90": 20, "longest": 70, "comments": (7.0, 12.0)}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
TOKEN = re.compile(
    r"""(?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/)
      | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*")
      | (?P<number>\.?\d(?:[eEpP][+-]|'[0-9a-zA-Z]|[\w.])*)
      | (?P<char>(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<newline>\n)
      | (?P<space>[ \t\r\f\v]+|\\\n)
      | (?P<sign>::|->|&&|.)""",
    re.X | re.S)
AFTER_HEAD = {")", "const", "override", "final", "noexcept", "mutable", "try", "&", "&&"}  # before a body


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def scan(source):
    """The tokens of a file without comments and preprocessor lines, and how many lines hold only a comment."""
    tokens, conditions = [], []
    code_lines, comment_lines = set(), set()
    depth, line, at, fresh = 0, 1, 0, True
    while at < len(source):
        found = TOKEN.match(source, at)
        kind, text = found.lastgroup, found.group()
        if kind == "mark":
            kind = "raw"
        last = line + text.count("\n")
        if kind == "comment":
            comment_lines.update(range(line, last + 1))
        elif kind == "sign" and text == "#" and fresh:
            end = end_of_directive(source, at)
            depth, skipped_to = directive(source, at, end, conditions, depth)
            for n in range(source.count("\n", at, skipped_to) + 1):
                code_lines.add(line + n)
            line += source.count("\n", at, skipped_to)
            at, fresh = skipped_to, True
            continue
        elif kind not in ("newline", "space"):
            code_lines.update(range(line, last + 1))
            tokens.append(Token(kind, text, line))
            depth += {"{": 1, "}": -1}.get(text, 0) if kind == "sign" else 0
        fresh = kind == "newline" or (fresh and kind in ("space", "comment"))
        line, at = last, found.end()
    return tokens, len(comment_lines - code_lines)


def end_of_directive(source, at):
    """A preprocessor line reaches to the first newline without a backslash before it; a // comment ends it earlier."""
    while True:
        end = source.find("\n", at)
        if end < 0:
            return len(source)
        if not source[:end].rstrip(" \t\r").endswith("\\"):
            return end
        at = end + 1


def directive(source, at, end, conditions, depth):
    """Where scanning goes on, and the depth of braces there. When a branch of an #if opens braces, the other branches
    open the same ones again: they are skipped."""
    word = re.match(r"#[ \t]*(\w*)", source[at:end])
    name = word.group(1) if word else ""
    if name in ("if", "ifdef", "ifndef"):
        conditions.append(depth)
    elif name in ("else", "elif") and conditions:
        if depth != conditions[-1]:
            return depth, end_of_branches(source, end)
        depth = conditions[-1]
    elif name == "endif" and conditions:
        conditions.pop()
    return depth, end


def end_of_branches(source, at):
    """The start of the #endif that closes the #if we are in."""
    open_ifs = 0
    for found in re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b", re.M).finditer(source, at):
        if found.group(1) != "endif":
            open_ifs += 1
        elif open_ifs == 0:
            return source.index("#", found.start())
        else:
            open_ifs -= 1
    return len(source)


def closing(tokens, at, opens, closes):
    """The index of the token that closes the bracket at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i].kind == "sign":
            depth += (tokens[i].text == opens) - (tokens[i].text == closes)
            if depth == 0:
                return i
    return len(tokens) - 1


def angle_end(tokens, at):
    """The index behind `template <...>` whose `<` is at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        text = tokens[i].text
        depth += (text == "<") - (text == ">")
        if depth == 0:
            return i + 1
    return len(tokens)


def strip_head(head):
    """A declaration's tokens without templates, attributes and words that may stand before anything."""
    while head:
        if head[0].text == "template" and len(head) > 1 and head[1].text == "<":
            head = head[angle_end(head, 1):]
        elif head[0].text == "[" and len(head) > 1 and head[1].text == "[":
            head = head[closing(head, 0, "[", "]") + 1:]
        elif head[0].text in ("typedef", "static", "inline", "constexpr", "friend", "extern"):
            head = head[1:]
        else:
            return head
    return head


def name_of(head):
    """The name before the parameters: "Batch::run", "operator()"."""
    for i, t in enumerate(head):
        if t.text == "operator":
            end = i + 1
            while end < len(head) and (head[end].text != "(" or head[end - 1].text == "operator"):
                end += 1
            return qualified(head, i) + "".join(t.text for t in head[i + 1:end])
        if t.text == "(" and i > 0:
            return qualified(head, i - 1)
    return "?"


def qualified(head, at):
    name = head[at].text
    if at > 0 and head[at - 1].text == "~":
        name, at = "~" + name, at - 1
    while at >= 2 and head[at - 1].text == "::":
        name, at = head[at - 2].text + "::" + name, at - 2
    return name


class Walk:
    """Finds the functions of one file: walks namespaces and classes, jumps over everything in bodies."""

    def __init__(self, tokens):
        self.tokens, self.functions = tokens, []
        self.scope(0)

    def scope(self, at):
        """Walks to the brace that closes this scope and returns the index behind it."""
        head, lists, assigned = [], False, False  # the declaration so far; its constructor's list; a top-level =
        while at < len(self.tokens):
            t = self.tokens[at]
            if t.kind == "sign" and t.text in ";}":
                if t.text == "}":
                    return at + 1
                head, lists, assigned = [], False, False
            elif t.text in ("(", "[") and t.kind == "sign":
                end = closing(self.tokens, at, t.text, ")" if t.text == "(" else "]")
                head += self.tokens[at:end + 1]
                at = end
            elif t.text == "{" and t.kind == "sign":
                at, ended = self.brace(at, head, lists, assigned)
                if ended:
                    head, lists, assigned = [], False, False
                else:
                    head.append(self.tokens[at - 1])
                continue
            elif t.text == ":" and t.kind == "sign":
                if len(head) == 1 and head[0].text in ("public", "private", "protected"):
                    head = []
                else:
                    lists = lists or (bool(head) and head[-1].text in AFTER_HEAD)
                    head.append(t)
            else:
                operator = bool(head) and (head[-1].text == "operator" or
                                           (len(head) > 1 and head[-2].text == "operator"))
                assigned = assigned or (t.text == "=" and t.kind == "sign" and not operator)
                head.append(t)
            at += 1
        return at

    def brace(self, at, head, lists, assigned):
        """Takes the brace at `at`. Returns where to go on, and whether the declaration ended with it."""
        bare = strip_head(head)
        first = bare[0].text if bare else ""
        if first == "namespace" or (bare and bare[0].kind == "string") or not bare:
            return self.scope(at + 1), True
        if first in ("class", "struct", "union") and not assigned and not self.is_body(bare, lists, at):
            return self.scope(at + 1), False
        end = closing(self.tokens, at, "{", "}")
        if assigned or first == "enum" or not self.is_body(bare, lists, at):
            return end + 1, False
        self.functions.append((name_of(bare), bare[0].line, self.tokens[end].line - bare[0].line + 1))
        return end + 1, True

    def is_body(self, bare, lists, at):
        """A body follows the parameters, what may stand behind them, or the constructor's list."""
        if not any(t.text == "(" for t in bare):
            return False
        last = self.tokens[at - 1].text
        if lists:
            return last in (")", "}", "try")
        if bare[0].text in ("class", "struct", "union") and last not in AFTER_HEAD:
            return False
        behind = [t.text for t in bare[max(i for i, t in enumerate(bare) if t.text == ")") + 1:]]
        return last in AFTER_HEAD or "->" in [t.text for t in bare] or "requires" in behind


def test_only(files, includes):
    """Tests, their helpers, fuzzers, and headers that nobody else includes."""
    out = {f for f in files if re.search(r"_(test(_\w+)?|fuzz)\.cc$|/(\w+_)?testing\.cc$|/fake_\w+\.cc$", f)}
    while True:
        more = set()
        for f in files:
            users = [g for g in files if f in includes[g]]
            if f.endswith(".h") and f not in out and users and all(g in out for g in users):
                more.add(f)
        if not more:
            return out
        out |= more


def cycles(includes, files):
    """Groups of folders that include each other, directly or through others."""
    direct = {}
    for f in files:
        direct.setdefault(f.split("/")[0], set()).update(i.split("/")[0] for i in includes[f] if "/" in i)
    reach = {folder: reachable(folder, direct) for folder in direct}
    groups = {tuple(sorted(e for e in direct if e in reach[d] and d in reach[e])) for d in direct}
    return sorted(g for g in groups if len(g) > 1)


def reachable(folder, direct):
    seen, todo = set(), [folder]
    while todo:
        new = {e for e in direct.get(todo.pop(), ()) if e in direct} - seen
        seen |= new
        todo += new
    return seen


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


def summary(measured):
    """Numbers of some files: [(name, lines, not blank, comments, functions)]."""
    lengths = [length for m in measured for _, _, length in m["functions"]]
    filled = sum(m["filled"] for m in measured)
    sizes = [m["lines"] for m in measured]
    longest = max(((length, name, m["file"], line) for m in measured for name, line, length in m["functions"]),
                  default=(0, "", "", 0))
    return {"files": len(measured), "lines": sum(sizes), "functions": len(lengths),
            "median": percentile(lengths, 0.5), "p90": percentile(lengths, 0.9),
            "over_40": sum(n > 40 for n in lengths), "over_70": sum(n > 70 for n in lengths),
            "longest": longest[0], "longest_name": longest[1], "longest_at": f"{longest[2]}:{longest[3]}",
            "comment_percent": round(100 * sum(m["comments"] for m in measured) / max(filled, 1), 1),
            "file_median": percentile(sizes, 0.5), "file_p90": percentile(sizes, 0.9), "file_largest": max(sizes, default=0)}


def measure(root):
    sources = {str(f.relative_to(root)): f.read_text(errors="replace")
               for f in sorted(root.rglob("*")) if f.suffix in (".cc", ".h") and f.is_file()}
    includes = {f: set(INCLUDE.findall(text)) for f, text in sources.items()}
    left_out = test_only(sources, includes)
    kept = [f for f in sources if f not in left_out]
    measured = []
    for f in kept:
        tokens, comments = scan(sources[f])
        lines = sources[f].splitlines()
        measured.append({"file": f, "lines": len(lines), "filled": sum(bool(n.strip()) for n in lines),
                         "comments": comments, "functions": Walk(tokens).functions})
    folders = sorted({f.split("/")[0] for f in kept})
    return {"whole": summary(measured),
            "folders": {d: summary([m for m in measured if m["file"].startswith(d + "/")]) for d in folders},
            "cycles": [list(c) for c in cycles(includes, kept)],
            "long": sorted(([length, name, f"{m['file']}:{line}"] for m in measured
                            for name, line, length in m["functions"] if length > LIMITS["p90"]), reverse=True)}


def table(result):
    rows = [*result["folders"].items(), ("whole", result["whole"])]
    print(f"{'folder':<9} {'files':>5} {'lines':>6} {'functions':>9} {'median':>6} {'90 %':>5} {'>40':>4} {'>70':>4} "
          f"{'longest':>7} {'comments':>8} {'file median':>11} {'90 %':>5} {'largest':>7}  longest function")
    for name, s in rows:
        print(f"{name:<9} {s['files']:>5} {s['lines']:>6} {s['functions']:>9} {s['median']:>6} {s['p90']:>5} "
              f"{s['over_40']:>4} {s['over_70']:>4} {s['longest']:>7} {s['comment_percent']:>6} % "
              f"{s['file_median']:>11} {s['file_p90']:>5} {s['file_largest']:>7}  {s['longest_name']} {s['longest_at']}")
    print("folder cycles:", "; ".join(" ↔ ".join(c) for c in result["cycles"]) or "none")


def offenders(result):
    whole, (low, high) = result["whole"], LIMITS["comments"]
    bad = [f"{at}: {name} has {length} lines, {LIMITS['longest']} are the most"
           for length, name, at in result["long"] if length > LIMITS["longest"]]
    if whole["p90"] > LIMITS["p90"]:
        bad.append(f"10 % of the functions have more than {whole['p90'] - 1} lines, {LIMITS['p90']} are allowed; the longest: " +
                   ", ".join(f"{name} {length}" for length, name, _ in result["long"][:20]))
    if not low <= whole["comment_percent"] <= high:
        bad.append(f"{whole['comment_percent']} % of the lines are comments, {low:g} to {high:g} % are expected: " +
                   ", ".join(f"{d} {s['comment_percent']} %" for d, s in result["folders"].items()
                             if not low <= s["comment_percent"] <= high))
    return bad + ["folders include each other: " + " ↔ ".join(c) for c in result["cycles"]]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options.add_argument("--check", action="store_true", help="exit code 1 unless the limits hold")
    options.add_argument("root", nargs="?", type=pathlib.Path, default=ROOT, help="the folder to measure; src/ if absent")
    given = options.parse_args()
    result = measure(given.root)
    if given.json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    elif not given.check:
        table(result)
    bad = offenders(result) if given.check else []
    print("\n".join(bad), file=sys.stderr, end="\n" if bad else "")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
