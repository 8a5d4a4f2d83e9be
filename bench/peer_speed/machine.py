"""The machine that speeds are measured on: what it is, and how busy others keep it."""
import contextlib
import os
import pathlib
import platform
import subprocess
import sys
import time


def cpu_model():
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def cores():
    return len(os.sched_getaffinity(0))


def describe():
    return {"cpu": cpu_model(), "cores": cores(), "system": platform.platform()}


def _busy_ticks():
    user, nice, system, idle, wait, *rest = map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + sum(rest[:2])


def busy_cores(seconds):
    """How many cores were busy, on average, while this process slept."""
    before, began = _busy_ticks(), time.monotonic()
    time.sleep(seconds)
    return (_busy_ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)


def wait_until_quiet(limit, patience, look):
    """Looks for `look` seconds again and again until fewer than `limit` cores are busy, for `patience` seconds at most."""
    end = time.monotonic() + patience
    while (busy := busy_cores(look)) >= limit and time.monotonic() < end:
        pass
    return {"busy_cores_before": round(busy, 2), "load_before": os.getloadavg()[0], "quiet": busy < limit}


@contextlib.contextmanager
def busy_processes(count):
    """So many processes that never rest, for as long as the block runs."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
