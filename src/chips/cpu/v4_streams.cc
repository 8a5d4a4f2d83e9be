// Hyper-connections. The sums of hc_mix are cut into segments of channels, which many threads read at once
// even for a single token; what becomes of them is worked out for up to 16 tokens side by side.
#include <algorithm>
#include "chips/cpu/v4_verbs.h"

namespace autark {
namespace {

constexpr int64_t kSegment = 1024;  // channels of a sum: part of what fixes its bits
constexpr int64_t kRowsEach = 32;   // rows that share a read of a segment's weights
constexpr int64_t kPiece = 1024;    // channels of an element-wise chunk

int64_t count_of(int64_t n, int64_t each) {
  return (n + each - 1) / each;
}

// The rows of w one after another, as floats.
Tensor floats_of(Recorder& on, const Weight& w) {
  if (w.format == Format::f32)
    return {const_cast<std::byte*>(w.parts[0].codes), Format::f32, {w.rows(), w.cols()}};
  const Tensor f = on.tensor({w.rows(), w.cols()});
  on.add_rows(w.rows(), {}, {f}, [=](int64_t row, void*) { decode_row(w, row, f.row(row)); });
  return f;
}

// [tokens][segments][outputs + 1]
Tensor record_sums(Recorder& on, Tensor x, Tensor w) {
  const int64_t T = x.shape[0], n = w.cols(), outputs = w.rows(), segments = count_of(n, kSegment);
  const Tensor sums = on.tensor({T, segments, outputs + 1});
  on.add(count_of(T, kRowsEach) * segments, {x, w}, {sums},
         [=, k = &on.kernels.v4(), x = x.f32(), w = w.f32(), to = sums.f32()](int64_t c, void*) {
           const int64_t segment = c % segments, row = c / segments * kRowsEach, at = segment * kSegment;
           k->mix_sums({.x = x + row * n + at,
                        .w = w + at,
                        .x_stride = n,
                        .w_stride = n,
                        .rows = std::min(kRowsEach, T - row),
                        .outputs = outputs,
                        .n = std::min(kSegment, n - at),
                        .sums = to + (row * segments + segment) * (outputs + 1),
                        .sums_stride = segments * (outputs + 1)});
         });
  return sums;
}

struct MixJob {
  Tensor sums;
  Mix mix;
  MixWeights all;  // of token 0
  int64_t tokens;
};

MixJob make_mix(Recorder& on, Tensor x, const MixParameters& of) {
  const int64_t T = x.shape[0], n = x.shape[1];
  AUTARK_CHECK(n <= 8 && of.fn.cols() == n * x.cols());
  AUTARK_CHECK(of.fn.rows() == (of.sinkhorn_iters ? (2 + n) * n : n));
  MixJob job{record_sums(on, x, floats_of(on, of.fn)),
             {on.tensor({T, n}), on.tensor({T, n}), on.tensor({T, n, n})},
             {},
             T};
  job.all = {.sums = job.sums.f32(),
             .segments = job.sums.shape[1],
             .channels = of.fn.cols(),
             .streams = n,
             .scale = of.scale.values,
             .base = of.base.values,
             .norm_eps = of.norm_eps,
             .eps = of.eps,
             .iterations = of.sinkhorn_iters,
             .pre = job.mix.pre.f32(),
             .post = job.mix.post.f32(),
             .comb = job.mix.comb.f32()};
  return job;
}

void weigh_tokens(const V4Kernels& k, const MixJob& job, int64_t begin, int64_t end) {
  const int64_t step = job.sums.shape[1] * job.sums.shape[2], n = job.all.streams;
  for (int64_t t = begin; t < end; t += kLanes) {
    MixWeights m = job.all;
    m.sums += t * step, m.pre += t * n, m.post += t * n, m.comb += t * n * n;
    m.tokens = std::min<int64_t>(kLanes, end - t);
    k.mix_weights(m);
  }
}

}  // namespace

Tensor record_hc_spread(Recorder& on, Tensor x, int copies) {
  const Tensor y = on.tensor({x.rows(), copies, x.cols()});
  on.add_rows(y.rows(), {x}, {y}, [=](int64_t i, void*) {
    std::copy_n(x.f32() + i / copies * x.cols(), x.cols(), y.f32() + i * x.cols());
  });
  return y;
}

Mix record_hc_mix(Recorder& on, Tensor x, const MixParameters& of) {
  const MixJob job = make_mix(on, x, of);
  const int64_t chunks = on.chunks_of(job.tokens);
  on.add(chunks, {job.sums}, {job.mix.pre, job.mix.post, job.mix.comb},
         [=, k = &on.kernels.v4()](int64_t c, void*) {
           weigh_tokens(*k, job, job.tokens * c / chunks, job.tokens * (c + 1) / chunks);
         });
  return job.mix;
}

Tensor record_hc_read(Recorder& on, bool to_bf16, bool eager, Tensor x, const MixParameters& of,
                      const Vector& gain, Mix* mix) {
  const int64_t n = x.shape[1], dim = x.cols();
  AUTARK_CHECK(gain.cols() == dim);
  const MixJob job = make_mix(on, x, of);
  const int64_t T = job.tokens, chunks = on.chunks_of(T);
  const Tensor y = on.tensor({T, dim});
  RoundedBlock** slot = on.step_memory.take_of<RoundedBlock*>(1);
  *slot = nullptr;
  if (dim % kBlock == 0 && !eager && !to_bf16) on.offer_rounding(y, slot);
  *mix = job.mix;
  on.add(chunks, {x, job.sums}, {job.mix.pre, job.mix.post, job.mix.comb, y},
         [=, on = &on, norm = gain.values, eps = of.norm_eps](int64_t c, void*) {
           const V4Kernels& k = on->kernels.v4();
           weigh_tokens(k, job, T * c / chunks, T * (c + 1) / chunks);
           for (int64_t t = T * c / chunks; t < T * (c + 1) / chunks; ++t) {
             float* row = y.f32() + t * dim;
             k.read_streams({x.f32() + t * n * dim, dim, n, dim, to_bf16}, job.mix.pre.f32() + t * n, row);
             on->kernels.rms_norm(row, norm, eps, dim, row);
             if (to_bf16) k.round_bf16(row, dim, row);
             on->round_if_asked(slot, row, t, T, dim);
           }
         });
  return y;
}

Tensor record_hc_pre(Recorder& on, bool to_bf16, Tensor x, Tensor pre) {
  const int64_t n = x.shape[1], dim = x.cols(), pieces = count_of(dim, kPiece);
  const Tensor y = on.tensor({x.shape[0], dim});
  on.add_rows(y.rows() * pieces, {x, pre}, {y}, [=, k = &on.kernels.v4()](int64_t i, void*) {
    const int64_t t = i / pieces, at = i % pieces * kPiece;
    k->read_streams({x.f32() + t * n * dim + at, dim, n, std::min(kPiece, dim - at), to_bf16},
                    pre.f32() + t * n, y.f32() + t * dim + at);
  });
  return y;
}

Tensor record_hc_post(Recorder& on, bool to_bf16, Tensor y, Tensor x, Tensor post, Tensor comb) {
  const int64_t n = x.shape[1], dim = x.cols(), pieces = count_of(dim, kPiece);
  AUTARK_CHECK(n <= 8);
  const Tensor z = on.tensor(x.shape);
  on.add_rows(x.shape[0] * pieces, {y, x, post, comb}, {z}, [=, k = &on.kernels.v4()](int64_t i, void*) {
    const int64_t t = i / pieces, at = i % pieces * kPiece;
    k->write_streams({x.f32() + t * n * dim + at, dim, n, std::min(kPiece, dim - at), to_bf16},
                     y.f32() + t * dim + at, post.f32() + t * n, comb.f32() + t * n * n,
                     z.f32() + t * n * dim + at);
  });
  return z;
}

}  // namespace autark
