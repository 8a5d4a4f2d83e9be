"""The memory of a process, as a core dump or a debugger would show it."""
import array
import os

PAGE = os.sysconf("SC_PAGESIZE")
IN_MEMORY, SWAPPED = 1 << 63, 1 << 62


def writable(pid):
    """(from, to) of the mappings that the process may write."""
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            place, rights = line.split()[:2]
            if "w" in rights:
                yield tuple(int(end, 16) for end in place.split("-"))


def runs(pid, start, end):
    """The parts of a mapping that have ever been written."""
    pages = array.array("Q")
    with open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
        pagemap.seek(start // PAGE * 8)
        pages.frombytes(pagemap.read((end - start) // PAGE * 8))
    first = None
    for i, page in enumerate(pages):
        if page & (IN_MEMORY | SWAPPED):
            first = i if first is None else first
        elif first is not None:
            yield start + first * PAGE, start + i * PAGE
            first = None
    if first is not None:
        yield start + first * PAGE, start + len(pages) * PAGE


def found(pid, secrets):
    """The names of those `secrets` (bytes by name) of which all or the second half is in memory, with what stands around it."""
    halves, seen = {name: text[len(text) // 2:] for name, text in secrets.items()}, {}
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end in (run for mapping in writable(pid) for run in runs(pid, *mapping)):
            try:
                memory.seek(start)
                text = memory.read(end - start)
            except OSError:  # given back meanwhile
                continue
            for name, half in halves.items():
                if (at := text.find(half)) >= 0:
                    seen.setdefault(name, []).append(text[max(0, at - 60):at + len(half) + 16])
    return seen
