"""Goal: workspaces of one platform learn nothing of each other: neither what is stored, nor what is used, nor that it
exists.

Method: two keys of two workspaces. Whatever one of them has made is asked for by the other one, and so is an id that
nobody has: both answers must be the same, but for the id itself.
"""
import re
import unittest

from platform_program import Platform, Server, chat, multipart


class BordersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = cls.enterClassContext(Platform())
        cls.platform.told("workspaces", "create", "search")
        cls.mine = cls.platform.key("ada", workspace="default")
        cls.theirs = cls.platform.key("bo", workspace="search")
        cls.server = cls.enterClassContext(Server(cls.platform))

    def made(self):
        """(method, path, id) of what the first key has made."""
        secret = self.mine[1]
        response = self.server.post(secret, "/v1/responses", {"model": "toy", "input": "Say hi.", "max_output_tokens": 16}).json()["id"]
        kept = self.server.post(secret, "/v1/chat/completions", chat(store=True)).json()["id"]
        body, kind = multipart("batch", "lines.jsonl", b"{}\n")
        file = self.server.ask(secret, "POST", "/v1/files", body, {"content-type": kind}).json()["id"]
        batch = self.server.post(secret, "/v1/batches", {"input_file_id": file, "endpoint": "/v1/chat/completions",
                                                         "completion_window": "24h"}).json()["id"]
        return [("GET", "/v1/responses/{}", response), ("GET", "/v1/responses/{}/input_items", response),
                ("POST", "/v1/responses/{}/cancel", response), ("DELETE", "/v1/responses/{}", response),
                ("GET", "/v1/chat/completions/{}", kept), ("DELETE", "/v1/chat/completions/{}", kept),
                ("GET", "/v1/files/{}", file), ("GET", "/v1/files/{}/content", file), ("DELETE", "/v1/files/{}", file),
                ("GET", "/v1/batches/{}", batch), ("POST", "/v1/batches/{}/cancel", batch)]

    def test_what_is_foreign_is_like_what_is_not_there(self):
        made = self.made()
        for method, path, thing in made:
            other = re.sub(r"_(.{4})", "_0000", thing, count=1)
            foreign = self.server.ask(self.theirs[1], method, path.format(thing))
            nothing = self.server.ask(self.theirs[1], method, path.format(other))
            self.assertEqual(foreign.status, 404, (method, path, foreign.body))
            self.assertEqual((foreign.status, foreign.body.replace(thing.encode(), b"ID")),
                             (nothing.status, nothing.body.replace(other.encode(), b"ID")), (method, path))
        for method, path, thing in made:
            if method == "GET" and not path.endswith("content"):
                self.assertEqual(self.server.get(self.mine[1], path.format(thing)).status, 200, path)

    def test_lists_have_only_ones_own(self):
        ids = {thing for _, _, thing in self.made()}
        for path in ("/v1/files", "/v1/batches", "/v1/chat/completions", "/admin/v1/keys", "/admin/v1/workspaces",
                     "/admin/v1/usage?by=key"):
            listed = self.server.get(self.theirs[1], path)
            self.assertEqual(listed.status, 200, (path, listed.body))
            for thing in (*ids, self.mine[0], "default"):
                self.assertNotIn(f'"{thing}"'.encode(), listed.body, path)
        self.assertIn(f'"{self.theirs[0]}"'.encode(), self.server.get(self.theirs[1], "/admin/v1/keys").body)

    def test_the_admin_api_knows_no_foreign_keys(self):
        for method, path in (("GET", "/admin/v1/keys/{}"), ("POST", "/admin/v1/keys/{}/disable"),
                             ("POST", "/admin/v1/keys/{}/rotate"), ("GET", "/admin/v1/limits?level=key&subject={}")):
            body = {} if method == "POST" else None
            foreign = self.server.ask(self.theirs[1], method, path.format(self.mine[0]), body)
            nothing = self.server.ask(self.theirs[1], method, path.format("key_" + "0" * 24), body)
            self.assertEqual(foreign.status, nothing.status, path)
            self.assertEqual(foreign.body.replace(self.mine[0].encode(), b"ID"),
                             nothing.body.replace(b"key_" + b"0" * 24, b"ID"), path)

    def test_wrong_keys_are_all_alike(self):
        gone, secret = self.platform.key("gone", workspace="search")
        self.platform.told("keys", "disable", gone)
        answers = {(a.status, a.body) for a in (self.server.get(k, "/v1/models") for k in (
            "ak-aaaaaaaa-" + "b" * 43, secret[:-1] + ("x" if secret[-1] != "x" else "y"), "nonsense"))}
        self.assertEqual(len(answers), 1, answers)
        self.assertEqual(answers.pop()[0], 401)


if __name__ == "__main__":
    unittest.main()
