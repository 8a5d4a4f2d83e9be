"""Shapes of published models of other families, and tiny ones for tests. A slice has few layers, experts and tokens."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    family: str
    dim: int
    heads: int
    kv_heads: int
    head_dim: int         # of keys and values; deepseek_v3: of a rotated part
    width: int            # of an expert
    experts: int
    experts_per_token: int
    layers: int
    dense_layers: int = 0
    dense_width: int = 0
    vocab: int = 32768
    scale: float = 1.0    # of the experts' weights
    context: int = 131072
    # deepseek_v3
    query_rank: int = 0
    latent: int = 0
    plain: int = 0        # channels of a head without rotation, and of a value head
    groups: int = 1
    groups_kept: int = 1
    # qwen3_5_moe: heads of the recurrent layers, channels of each
    key_heads: int = 0
    value_heads: int = 0
    delta_dim: int = 0
    # gpt_oss
    window: int = 0


PUBLISHED = {
    "deepseek_v3": Shape("deepseek_v3", dim=7168, heads=128, kv_heads=128, head_dim=64, width=2048, experts=16,
                         experts_per_token=8, layers=3, dense_layers=1, dense_width=18432, scale=2.5, context=163840,
                         query_rank=1536, latent=512, plain=128, groups=8, groups_kept=4),
    "qwen3_5_moe": Shape("qwen3_5_moe", dim=2048, heads=16, kv_heads=2, head_dim=256, width=512, experts=64,
                         experts_per_token=8, layers=4, context=262144, key_heads=16, value_heads=32, delta_dim=128),
    "gpt_oss": Shape("gpt_oss", dim=2880, heads=64, kv_heads=8, head_dim=64, width=2880, experts=32,
                     experts_per_token=4, layers=4, window=128),
    "glm4_moe": Shape("glm4_moe", dim=5120, heads=96, kv_heads=8, head_dim=128, width=1536, experts=32,
                      experts_per_token=8, layers=3, dense_layers=1, dense_width=12288, scale=2.5, context=202752),
}
TINY = {
    "deepseek_v3": dataclasses.replace(PUBLISHED["deepseek_v3"], dim=256, heads=4, kv_heads=4, head_dim=32, width=256,
                                       experts=8, experts_per_token=3, dense_width=512, vocab=512, query_rank=128,
                                       latent=128, groups=4, groups_kept=2),
    "qwen3_5_moe": dataclasses.replace(PUBLISHED["qwen3_5_moe"], dim=256, heads=4, kv_heads=2, head_dim=64, width=256,
                                       experts=8, experts_per_token=3, vocab=512, key_heads=2, value_heads=4,
                                       delta_dim=64),
    "gpt_oss": dataclasses.replace(PUBLISHED["gpt_oss"], dim=256, heads=4, kv_heads=2, head_dim=64, width=160,
                                   experts=8, experts_per_token=3, vocab=512, window=32),
    "glm4_moe": dataclasses.replace(PUBLISHED["glm4_moe"], dim=256, heads=4, kv_heads=2, head_dim=64, width=256,
                                    experts=8, experts_per_token=3, dense_width=512, vocab=512),
}


def shaped(family, tiny, layers=None, experts=None, vocab=None):
    """A shape with its own numbers of layers, experts and tokens; None keeps those of the slice."""
    own = {"layers": layers, "experts": experts, "vocab": vocab}
    shape = (TINY if tiny else PUBLISHED)[family]
    return dataclasses.replace(shape, **{key: value for key, value in own.items() if value is not None})
