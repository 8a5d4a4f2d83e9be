"""A platform in a temporary folder: its commands, its server with a toy model, and its database."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile

BIN = os.environ["AUTARK_BIN"]
ROOT = pathlib.Path(__file__).resolve().parents[3]
POSTGRES = os.environ.get("AUTARK_TEST_POSTGRES")  # see tests/with_postgres
TOY = ROOT / "tests/golden/models/qwen2-untied-sharded"
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}{% endif %}")
# Every class has a price of its own, so that no two of them can be taken for each other.
PRICES = """version = "test-1"
valid_from = 2026-01-01T00:00:00Z
currency = "CNY"
time_zone = "Asia/Shanghai"
[models."*"]
input = 1.03
cached = 0.11
cache_write = 1.37
output = 4.01
reasoning = 5.003
[service]
flex = 0.5
priority = 2
batch = 0.25
"""


def psql(url, sql):
    """What PostgreSQL's own client prints of the rows."""
    return subprocess.run(["psql", "--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql, url], capture_output=True, text=True,
                          check=True, timeout=60).stdout


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, {k.lower(): v for k, v in headers}, body

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The JSON events of a stream."""
        return [json.loads(line[6:]) for line in self.body.decode().split("\n") if line.startswith("data: {")]

    def id(self):
        """The request's id, without its prefix."""
        told = self.headers.get("x-request-id") or self.headers.get("request-id") or ""
        return told.removeprefix("req_")


class Platform:
    """A folder with a platform, removed at the end. Its data are in SQLite, or under tests/with_postgres in a new database."""

    made = 0

    def __init__(self, *options):
        self.scratch = tempfile.TemporaryDirectory(prefix="autark-platform-")
        self.folder = pathlib.Path(self.scratch.name) / "team"
        self.store = self.new_database() if POSTGRES else None
        where = ["--store", self.store] if self.store else []
        self.admin = self.object("platform", "init", "--dir", self.folder, "--json", *where, *options, platform=False)["secret"]

    @staticmethod
    def new_database():
        Platform.made += 1
        name = f"platform_{os.getpid()}_{Platform.made}"
        psql(POSTGRES, f"CREATE DATABASE {name}")
        return POSTGRES.replace("///autark?", f"///{name}?")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scratch.cleanup()

    def run(self, *words, platform=True, text=None):
        """The finished command."""
        where = ["--platform", self.folder] if platform else []
        return subprocess.run([BIN, *map(str, words), *map(str, where)], capture_output=True, text=True, input=text,
                              timeout=60)

    def told(self, *words, **more):
        """What a command prints; it must succeed."""
        done = self.run(*words, **more)
        if done.returncode:
            raise AssertionError(f"autark {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def object(self, *words, **more):
        return json.loads(self.told(*words, **more))

    def key(self, name, *options, workspace="default"):
        """(id, secret) of a new key."""
        made = self.object("keys", "create", name, "--workspace", workspace, "--json", *options)
        return made["id"], made["secret"]

    def prices(self, text=PRICES):
        file = pathlib.Path(self.scratch.name) / "prices-to-add.toml"
        file.write_text(text)
        self.told("platform", "prices", "add", file)

    def rows(self, sql, *values):
        """Rows of the database; changes nothing."""
        if self.store:
            assert not values
            values_of = lambda pairs: tuple(value for _, value in pairs)
            return [json.loads(row, object_pairs_hook=values_of) for row in psql(self.store, f"SELECT to_json(t) FROM ({sql}) t").splitlines()]
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'platform.db'}?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()


class Server:
    """`autark serve` of a platform with the toy model, on a free port."""

    def __init__(self, platform, *options, state="none"):
        self.platform = platform
        model = pathlib.Path(platform.scratch.name) / "toy"
        if not model.exists():
            shutil.copytree(TOY, model)
            settings = json.loads((model / "tokenizer_config.json").read_text())
            (model / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": TEMPLATE}))
        self.log = open(pathlib.Path(platform.scratch.name) / "server.log", "ab+")
        self.process = subprocess.Popen(
            [BIN, "serve", str(model), "--name", "toy", "--alias", "also-toy", "--port", "0", "--threads", "1", "--state",
             state, "--platform", str(platform.folder), *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.told = []
        for line in self.process.stdout:
            self.told.append(line)
            if found := re.search(r"https?://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
            if line == "ready\n":
                return
        raise AssertionError(f"the server ended with {self.process.wait()}: {self.errors()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"the server ended with {code}")

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def connect(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, key, method, path, body=None, headers=None):
        """The whole answer. `body`: a JSON value, or bytes with their content-type in `headers`."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        try:
            connection.request(method, path, raw, {"authorization": f"Bearer {key}", "content-type": "application/json",
                                                   **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def post(self, key, path, body, headers=None):
        return self.ask(key, "POST", path, body, headers)

    def get(self, key, path):
        return self.ask(key, "GET", path)


def chat(text="Say hi.", **more):
    return {"model": "toy", "messages": [{"role": "user", "content": text}], "max_tokens": 8, **more}


def multipart(purpose, name, content):
    """(body, content-type) of an upload."""
    edge = "edge-of-a-part"
    body = (f'--{edge}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
            f'--{edge}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n').encode()
    return body + content + f"\r\n--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"
