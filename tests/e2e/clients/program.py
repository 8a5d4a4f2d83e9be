"""Starts `autark serve` and the proxy that cuts streams, on free ports."""
import contextlib
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

BIN = pathlib.Path(os.environ["AUTARK_BIN"])
KEY = "clients-key"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@contextlib.contextmanager
def served(model, *options):
    """The address of a server of `model`, which is called "model" there."""
    port = free_port()
    with open("server.log", "wb") as log:
        server = subprocess.Popen([BIN, "serve", model, "--name", "model", "--port", str(port), "--api-key", KEY,
                                   "--state", "none", *options], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(server, url)
        yield url
    finally:
        server.terminate()
        if server.wait(60) != 0:
            raise RuntimeError("the server ended with an error: see server.log")


def wait_until_ready(server, url):
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url + "/ready").close()
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not become ready: see server.log")


@contextlib.contextmanager
def cut(url, event, where, *options, cuts=None):
    """The address of a proxy that cuts the first stream at an event. `cuts`, a list, gets the events that were cut."""
    where_to = ["--to", url.rsplit(":", 1)[1], "--event", str(event), "--where", where, *options]
    proxy = subprocess.Popen([os.environ["AUTARK_CUT_PROXY"], *where_to],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{proxy.stdout.readline().split()[1]}"
    finally:
        told = proxy.communicate(timeout=30)[0].split()[1::2]
        if cuts is not None:
            cuts += map(int, told)


def metric(url, name, label=""):
    """A metric's value, summed over its labels, or over those with `label` in them."""
    request = urllib.request.Request(url + "/metrics", headers={"authorization": "Bearer " + KEY})
    with urllib.request.urlopen(request) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(l.rsplit(" ", 1)[1]) for l in lines if l.startswith((name + " ", name + "{")) and label in l)
