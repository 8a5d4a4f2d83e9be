#!/usr/bin/env python3
"""Makes a tiny random checkpoint of a model family and the numbers that transformers computes from it.

  python3 -m venv venv && venv/bin/pip install -r tools/requirements-golden.txt
  venv/bin/python tools/make_golden.py llama golden/models/llama-wide --set head_dim=32 --set attention_bias=true

OUT gets config.json and model.safetensors as published checkpoints have them (BF16, no tokenizer), and
expected.safetensors with the tensors that tests/golden/models/README.md lists, computed from those files in float32
on one thread. The prompt is drawn anew until every greedy choice and every route has a clear margin, so that rounding
cannot change it. The same arguments and versions give the same files. To compare this program with them:

  AUTARK_GOLDEN=golden build/dev/engine_tests --gtest_filter='*GoldenModel*'

FAMILY is a model_type of transformers. llama, qwen2, qwen3, qwen3_moe, gemma3_text and ernie4_5 have been tried; others
whose layers are `model.layers` may work. This is a developer's tool; ./check does not run it.
"""
import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

GREEDY = 24
MARGIN, ROUTER_GAP = 2e-2, 1e-3  # smallest distance between the chosen logit and the next best
TRIES = 400

TINY = {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
        "intermediate_size": 224, "vocab_size": 480, "max_position_embeddings": 512, "bos_token_id": 0,
        "eos_token_id": 1, "pad_token_id": 0}
OF_FAMILY = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 32},
    "qwen3_moe": {"head_dim": 32, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48,
                  "norm_topk_prob": True},
    "gemma3_text": {"head_dim": 32, "query_pre_attn_scalar": 24, "sliding_window": 24, "num_hidden_layers": 7},
    "ernie4_5": {"head_dim": 32},
}


def fill(model, seed):
    """Fills in seeded weights, scaled so that states neither vanish nor explode. All are exact in BF16."""
    draw = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        noise = torch.randn(p.shape, generator=draw)
        if p.dim() > 1:
            values = 1.4 * noise / p.shape[-1] ** 0.5
        elif "norm" in name:
            values = p.data + 0.2 * noise  # around the family's initial value, 1 or 0
        else:
            values = 0.3 * noise
        p.data.copy_(values.to(torch.bfloat16))


def routed(output):
    """Logits, ids and weights of a router, in whatever order it returns them."""
    tensors = [t for t in output if torch.is_tensor(t)] if isinstance(output, tuple) else []
    ids = next((t for t in tensors if not t.is_floating_point()), None)
    if ids is None:
        return None
    weights = next(t for t in tensors if t.is_floating_point() and t.shape == ids.shape)
    logits = next(t for t in tensors if t.is_floating_point() and t.shape != ids.shape)
    return logits, ids, weights


class Reference:
    def __init__(self, path):
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
        self.seen, self.routes = {}, {}
        body = self.model.model
        body.layers[0].register_forward_pre_hook(self.keep_input, with_kwargs=True)
        for i, layer in enumerate(body.layers):
            layer.register_forward_hook(self.keeper(f"layers.{i}"))
            for name, module in layer.named_modules():
                if name.rpartition(".")[2] in ("gate", "router"):
                    module.register_forward_hook(self.router_keeper(i))
        body.norm.register_forward_hook(self.keeper("norm"))

    def keep_input(self, module, args, kwargs):
        self.seen["embed"] = (args[0] if args else kwargs["hidden_states"])[0]

    def keeper(self, name):
        def hook(module, args, output):
            self.seen[name] = (output[0] if isinstance(output, tuple) else output)[0]
        return hook

    def router_keeper(self, layer):
        def hook(module, args, output):
            if found := routed(output):
                self.routes[layer] = found
        return hook

    @torch.no_grad()
    def run(self, tokens):
        self.seen, self.routes = {}, {}
        self.seen["logits"] = self.model(torch.tensor([tokens]), use_cache=False).logits[0]
        return self.seen, self.routes

    def router_gap(self):
        gaps = [float("inf")]
        for logits, ids, _ in self.routes.values():
            best = logits.float().sort(dim=-1, descending=True).values
            k = ids.shape[-1]
            gaps.append((best[:, k - 1] - best[:, k]).min().item())
        return min(gaps)

    def greedy(self, tokens):
        """The greedy continuation with its margins; None if a choice is not clear."""
        tokens, chosen, margins = list(tokens), [], []
        for _ in range(GREEDY):
            seen, _ = self.run(tokens)
            best = seen["logits"][-1].topk(2)
            margin = (best.values[0] - best.values[1]).item()
            if margin < MARGIN or self.router_gap() < ROUTER_GAP:
                return None
            chosen.append(best.indices[0].item())
            margins.append(margin)
            tokens.append(chosen[-1])
        return chosen, margins


def draw_prompt(reference, length, vocabulary, seed):
    draw = torch.Generator().manual_seed(seed + 1)
    for _ in range(TRIES):
        tokens = torch.randint(2, vocabulary, (length,), generator=draw).tolist()
        if answer := reference.greedy(tokens):
            return tokens, *answer
    raise SystemExit(f"no prompt of {TRIES} had clear choices; try another --seed or a shorter --prompt")


def expected(reference, length, vocabulary, seed):
    tokens, chosen, margins = draw_prompt(reference, length, vocabulary, seed)
    seen, routes = reference.run(tokens)
    positions = sorted({p for p in [0, 1, 2, 3, 15, 16, 23, 24, *range(length - 8, length)] if 0 <= p < length})
    tensors = {name: x[positions] for name, x in seen.items()}
    for layer, (_, ids, weights) in routes.items():
        order = weights.argsort(dim=-1, descending=True)[positions]
        tensors[f"layers.{layer}.router_ids"] = ids[positions].gather(-1, order).int()
        tensors[f"layers.{layer}.router_weights"] = weights[positions].gather(-1, order).float()
    tensors |= {"tokens": torch.tensor(tokens, dtype=torch.int32),
                "positions": torch.tensor(positions, dtype=torch.int32),
                "greedy": torch.tensor(chosen, dtype=torch.int32),
                "greedy_margin": torch.tensor(margins)}
    return {name: x.contiguous() for name, x in tensors.items()}


def settings(pairs):
    read = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise SystemExit(f"--set {pair}: KEY=VALUE is expected")
        try:
            read[key] = json.loads(value)
        except json.JSONDecodeError:
            read[key] = value
    return read


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", metavar="FAMILY")
    parser.add_argument("out", metavar="OUT", type=pathlib.Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a key of config.json, its value as JSON; may be given several times")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=80, metavar="TOKENS")
    a = parser.parse_args()
    disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    family = {"gemma3": "gemma3_text"}.get(a.family, a.family)
    config = AutoConfig.for_model(family, **(TINY | OF_FAMILY.get(family, {}) | settings(a.set)))
    torch.manual_seed(a.seed)
    model = AutoModelForCausalLM.from_config(config)
    fill(model, a.seed)
    model.to(torch.bfloat16).save_pretrained(a.out)
    reference = Reference(a.out)
    tensors = expected(reference, a.prompt, config.vocab_size, a.seed)
    save_file(tensors, a.out / "expected.safetensors", metadata={"reference": "transformers, float32, eager attention"})
    print(f"{a.out}: {model.num_parameters()} parameters, least margin {tensors['greedy_margin'].min():.3f}")


if __name__ == "__main__":
    main()
