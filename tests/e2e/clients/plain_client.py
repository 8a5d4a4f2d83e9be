"""Requests without any client's package: raw answers, and the data of event streams."""
import json
import urllib.error
import urllib.request

from program import KEY


class PlainClient:
    def __init__(self, url):
        self.url = url

    def ask(self, path, body=None, headers=None, method=None):
        """(status, raw body)"""
        request = urllib.request.Request(self.url + path, method=method, headers={
            "authorization": "Bearer " + KEY, "content-type": "application/json", **(headers or {})},
            data=None if body is None else json.dumps({"model": "model", **body}).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def answered(self, path, body=None, **more):
        """The raw body of an answer, which must be a 200."""
        status, raw = self.ask(path, body, **more)
        if status != 200:
            raise AssertionError(f"{path}: {status} {raw[:500]}")
        return raw

    def streamed(self, path, body, **more):
        """The JSON texts of a stream's events."""
        lines = self.answered(path, {**body, "stream": True}, **more).decode().split("\n")
        return [line[6:] for line in lines if line.startswith("data: {")]
