"""Goal: an administrator reads a platform's usage with the openai package's own client, and its balance as DeepSeek tells it.

Method: a few requests through a platform's server. What the client parses, strictly, must be what the answers told.
"""
import os
import sys
import unittest
from typing import Literal

sys.path.insert(0, os.environ["AUTARK_ROOT"] + "/tests/e2e/platform")
import openai
import pydantic
from openai.types.admin.organization import UsageCompletionsResponse
from platform_program import Platform, Server, chat
from strict import validated

REQUESTS = 3


class Balance(pydantic.BaseModel):
    """One currency of DeepSeek's /user/balance (api-docs.deepseek.com/api/get-user-balance)."""
    model_config = {"extra": "forbid"}
    currency: Literal["CNY", "USD"]
    total_balance: str
    granted_balance: str
    topped_up_balance: str


class UserBalance(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    is_available: bool
    balance_infos: list[Balance]


class PlatformTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = p = cls.enterClassContext(Platform())
        p.prices()
        p.told("platform", "deposit", "--amount", "12.5CNY", "--id", "first")
        p.told("platform", "grant", "--kind", "free", "--amount", "2CNY", "--expires", "30d")
        cls.ada, secret = p.key("ada")
        cls.server = cls.enterClassContext(Server(p))
        cls.secret, cls.client = secret, openai.OpenAI(
            base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key=secret, admin_api_key=p.admin, max_retries=0)
        answers = [cls.client.chat.completions.create(**chat(f"Say {i}.")) for i in range(REQUESTS)]
        cls.started = answers[0].created
        cls.told = (REQUESTS, sum(a.usage.prompt_tokens for a in answers), sum(a.usage.completion_tokens for a in answers))

    def usage(self, **asked):
        """A page of usage from the hour of the first request on, as the client and as strict validation read it."""
        usage = self.client.admin.organization.usage.with_raw_response.completions(start_time=self.started - 3600, **asked)
        validated(UsageCompletionsResponse, usage.text)
        return usage.parse()

    def results(self, **asked):
        return [r for bucket in self.usage(**asked).data for r in bucket.results]

    def test_sums_are_what_the_answers_told(self):
        for asked in ({}, {"bucket_width": "1h"}, {"bucket_width": "1m", "limit": 1440},
                      {"models": ["toy"], "api_key_ids": [self.ada], "batch": False}):
            results = self.results(**asked)
            self.assertEqual(tuple(sum(getattr(r, name) for r in results) for name in
                                   ("num_model_requests", "input_tokens", "output_tokens")), self.told, asked)
        self.assertEqual(self.results(models=["another"]), [])

    def test_groups(self):
        result, = self.results(bucket_width="1d", group_by=["model", "api_key_id", "batch", "service_tier"])
        self.assertEqual((result.model, result.api_key_id, result.batch, result.service_tier), ("toy", self.ada, False, "default"))
        self.assertEqual(result.input_tokens, result.input_cached_tokens + result.input_uncached_tokens + result.input_cache_write_tokens)

    def test_pages(self):
        page = self.usage(bucket_width="1m", limit=7)
        self.assertTrue(page.has_more)
        starts = [b.start_time for b in page.data]
        while page.has_more:
            page = self.usage(bucket_width="1m", limit=7, page=page.next_page)
            starts += [b.start_time for b in page.data]
        self.assertEqual(starts, [b.start_time for b in self.usage(bucket_width="1m", limit=1440).data][:len(starts)])

    def test_errors_are_the_packages_own(self):
        with self.assertRaises(openai.BadRequestError) as wrong:
            self.usage(bucket_width="2d")
        self.assertEqual(wrong.exception.param, "bucket_width")
        member = self.client.with_options(admin_api_key=self.secret)
        with self.assertRaises(openai.PermissionDeniedError):
            member.admin.organization.usage.completions(start_time=self.started)

    def test_balance(self):
        balance = UserBalance.model_validate_json(self.server.get(self.secret, "/user/balance").body, strict=True)
        self.assertTrue(balance.is_available)
        info, = balance.balance_infos
        self.assertEqual((info.currency, info.topped_up_balance), ("CNY", "12.50"))
        self.assertIn(info.granted_balance, ("1.99", "2.00"))
        self.assertIn(info.total_balance, ("14.49", "14.50"))


if __name__ == "__main__":
    unittest.main()
