"""A byte-level BPE vocabulary of any size: the official special tokens, all bytes, pairs and quadruples of letters."""
import itertools

SPECIAL = {0: "<｜begin▁of▁sentence｜>", 1: "<｜end▁of▁sentence｜>", 2: "<｜▁pad▁｜>", 128800: "<｜fim▁hole｜>",
           128801: "<｜fim▁begin｜>", 128802: "<｜fim▁end｜>", 128803: "<｜User｜>", 128804: "<｜Assistant｜>",
           128805: "<|EOT|>", 128821: "<think>", 128822: "</think>", 128825: "｜DSML｜",
           128828: "<｜latest_reminder｜>", 128829: "<｜action｜>", 128830: "<｜query｜>", 128831: "<｜authority｜>",
           128832: "<｜domain｜>", 128836: "<｜title｜>", 128845: "<｜read_url｜>"}
LETTERS = "Ġetaoinshrdlucmfwypvbgkqjxz"  # Ġ: a space


def byte_letters():
    """The printable character that stands for each byte in such vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(other)) for b in range(256)]


class Vocabulary:
    def __init__(self, size):
        self.special = {i: token for i, token in SPECIAL.items() if i < size}
        self.merges = []
        ordinary = itertools.chain(byte_letters(), self._joined())
        self.tokens = [self.special.get(i) or next(ordinary) for i in range(size)]
        if len(self.tokens) < len(self.special) + 256:
            raise SystemExit(f"--vocab must be at least {len(self.special) + 256}: every byte needs a token")

    def _joined(self):
        pairs = [a + b for a, b in itertools.product(LETTERS, repeat=2)]
        for token in itertools.chain(pairs, (a + b for a, b in itertools.product(pairs, repeat=2))):
            half = len(token) // 2
            self.merges.append(f"{token[:half]} {token[half:]}")
            yield token

    def tokenizer_json(self):
        model = {"type": "BPE", "vocab": {token: i for i, token in enumerate(self.tokens)}, "merges": self.merges}
        added = [{"id": i, "content": token, "special": i < 128821, "normalized": False, "single_word": False,
                  "lstrip": False, "rstrip": False} for i, token in self.special.items()]
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
                "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model}
