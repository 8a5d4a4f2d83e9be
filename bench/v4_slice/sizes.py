"""Shapes of DeepSeek V4: the published Flash and Pro, and a tiny one for tests."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Size:
    name: str
    dim: int
    heads: int
    head_dim: int
    q_rank: int
    o_groups: int
    o_rank: int
    index_heads: int
    index_top_k: int
    expert_dim: int
    experts_per_token: int
    route_scale: float
    first_ratios: tuple  # of the first layers; after them even layers have ratio 4, odd ones 128
    index_dim: int = 128
    hash_layers: int = 3
    window: int = 128
    streams: int = 4
    sinkhorn: int = 20
    context: int = 1 << 20

    layers: int = 6
    experts: int = 64
    vocab: int = 129280

    def ratio(self, layer):
        """0: window only; 4 and 128: so many tokens become one row."""
        if layer < len(self.first_ratios):
            return self.first_ratios[layer]
        return 4 if layer % 2 == 0 else 128


SIZES = {
    "flash": Size("flash", dim=4096, heads=64, head_dim=512, q_rank=1024, o_groups=8, o_rank=1024, index_heads=64,
                  index_top_k=512, expert_dim=2048, experts_per_token=6, route_scale=1.5, first_ratios=(0, 0)),
    "pro": Size("pro", dim=7168, heads=128, head_dim=512, q_rank=1536, o_groups=16, o_rank=1024, index_heads=64,
                index_top_k=1024, expert_dim=3072, experts_per_token=6, route_scale=2.5, first_ratios=(128, 128)),
    "tiny": Size("tiny", dim=256, heads=4, head_dim=128, q_rank=128, o_groups=2, o_rank=64, index_heads=8,
                 index_top_k=16, expert_dim=128, experts_per_token=2, route_scale=1.5, first_ratios=(0, 0),
                 experts=8, vocab=512),
}


def sized(name, layers=None, experts=None, vocab=None):
    """A size with its own numbers of layers, experts and tokens; None keeps those of the slice."""
    own = {"layers": layers, "experts": experts, "vocab": vocab}
    return dataclasses.replace(SIZES[name], **{key: value for key, value in own.items() if value is not None})
