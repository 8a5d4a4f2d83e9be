"""`autark serve` on a free port of the loopback, for scripts that measure or test it from outside."""
import re
import subprocess
import sys
import tempfile


class AutarkServer:
    """Starts the program and waits until it is ready. `port` and `url` tell where, `process` is it. Ends the script with the
    server's last words if it does not start."""

    def __init__(self, program, model, *options):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, "serve", model, "--port", "0", *options],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.url, self.port = found[0], int(found[1])
            if line.startswith("ready"):
                return
        sys.exit("the server did not start: " + self.errors())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
