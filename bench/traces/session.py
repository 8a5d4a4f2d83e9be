"""What every recorded session does: 20 steps of reads, edits, writes and shell commands; 21 requests."""
from dataclasses import dataclass, field


@dataclass
class Act:
    verb: str  # shell, read, edit, write
    path: str = ""
    command: str = ""
    old: str = ""
    new: str = ""
    result: str = ""
    failed: bool = False


@dataclass
class Step:
    number: int
    acts: list = field(default_factory=list)
    says: str = ""  # the assistant's words before its calls


ROOM = "/home/user/room/"


def _shell(command, result, failed=False):
    return Act("shell", command=command, result=result, failed=failed)


def _count(n):
    return [[Act("edit", ROOM + "counter.txt", old=f"count {n}\n", new=f"count {n + 1}\n")],
            [_shell(f"echo step >> log.txt; cat counter.txt; echo again-{n}", f"count {n + 1}\nagain-{n}\n")]]


def steps(text):
    """The steps with results by `text` (SeededText)."""
    acts = [
        [_shell("ls && echo listed", "counter.txt\nnotes.txt\nlisted\n")],
        [Act("read", ROOM + "notes.txt", result="alpha\nbeta\ngamma\n")],
        [Act("edit", ROOM + "notes.txt", old="beta", new="beta-edited")],
        [_shell("cat notes.txt", "alpha\nbeta-edited\ngamma\n")],
        [Act("write", ROOM + "new.txt", new="créé 你好 🚀 \"quoted\" back\\slash\nsecond <line> & more\n")],
        [Act("read", ROOM + "new.txt", result="créé 你好 🚀 \"quoted\" back\\slash\nsecond <line> & more\n")],
        [Act("read", ROOM + "notes.txt", result="alpha\nbeta-edited\ngamma\n"), _shell("echo both >> log.txt; echo both", "both\n")],
        [_shell("cat counter.txt", "count 0\n")],
        [Act("read", ROOM + "counter.txt", result="count 0\n")],
        *_count(0), *_count(1), *_count(2), *_count(3),
        [_shell("echo bad; exit 3", "bad\n", failed=True)],
        [_shell("cat module.py", text.code("module", 6000))],
        [_shell("wc -l log.txt", "9 log.txt\n")],
    ]
    return [Step(i + 1, a, f"Step {i + 1} of the session." if i % 3 != 1 else "") for i, a in enumerate(acts)]
