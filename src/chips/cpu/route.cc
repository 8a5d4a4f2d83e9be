// route: a chunk is a range of rows. Compared values and the order of experts of one row are in
// the thread's scratch.
#include <algorithm>
#include <cmath>
#include <numeric>
#include "chips/cpu/verbs.h"
#include "chips/routing.h"

namespace autark {
namespace {

struct RoutingJob {  // pointers to the first row of the step
  Routing how;
  int64_t experts;
  const float *logits, *bias;  // bias may be null
  const int32_t* fixed;        // or null
  int32_t* ids;
  float* weights;
  float* margin;  // or null
};

struct RowScratch {  // [experts] each
  float *p, *compared;
  int32_t* order;

  RowScratch(void* scratch, int64_t experts)
      : p(static_cast<float*>(scratch)),
        compared(p + experts),
        order(reinterpret_cast<int32_t*>(compared + experts)) {}
};

// p of all experts of a row.
void score_row(const RoutingJob& j, const float* logits, float* p) {
  if (j.how.score != Routing::Score::softmax) {
    for (int64_t e = 0; e < j.experts; ++e) p[e] = routing_score(j.how.score, logits[e]);
    return;
  }
  const float top = *std::max_element(logits, logits + j.experts);
  double sum = 0;
  for (int64_t e = 0; e < j.experts; ++e) sum += std::exp(static_cast<double>(logits[e] - top));
  for (int64_t e = 0; e < j.experts; ++e)
    p[e] = static_cast<float>(std::exp(static_cast<double>(logits[e] - top)) / sum);
}

// Sets order[0, count) to the experts with the largest values, ties to the lower id. NaN counts as −∞.
void order_best(float* compared, int64_t experts, int64_t count, int32_t* order) {
  for (int64_t e = 0; e < experts; ++e)
    if (std::isnan(compared[e])) compared[e] = -INFINITY;
  std::iota(order, order + experts, 0);
  std::partial_sort(order, order + count, order + experts, [compared](int32_t a, int32_t b) {
    return compared[a] != compared[b] ? compared[a] > compared[b] : a < b;
  });
}

void choose(const RoutingJob& j, const float* from, const RowScratch& s, int32_t* ids, float* margin) {
  const int64_t k = j.how.k, count = std::min<int64_t>(k + (margin ? 1 : 0), j.experts);
  for (int64_t e = 0; e < j.experts; ++e) s.compared[e] = from[e] + (j.bias ? j.bias[e] : 0);
  mask_groups(j.how, {s.compared, static_cast<size_t>(j.experts)});
  order_best(s.compared, j.experts, count, s.order);
  std::copy_n(s.order, k, ids);
  if (margin) *margin = count > k ? s.compared[ids[k - 1]] - s.compared[s.order[k]] : INFINITY;
}

void weigh(const Routing& how, const float* p, const int32_t* ids, float* weights) {
  float sum = 0;
  for (int i = 0; i < how.k; ++i) sum += p[ids[i]];
  sum = how.renormalise ? std::max(sum, how.sum_least) : 1;
  for (int i = 0; i < how.k; ++i) weights[i] = p[ids[i]] / sum * how.scale;
}

// Softmax weights from the logits. With renormalise, the exponentials of the chosen experts are enough.
void weigh_softmax(const RoutingJob& j, const float* logits, const int32_t* ids, float* weights) {
  const float top = *std::max_element(logits, logits + j.experts);
  const auto power = [&](int64_t e) { return std::exp(static_cast<double>(logits[e] - top)); };
  double all = 0, chosen = 0;
  const bool need_all = !j.how.renormalise || j.how.sum_least > 0;
  for (int64_t e = 0; need_all && e < j.experts; ++e) all += power(e);
  for (int i = 0; i < j.how.k; ++i) chosen += power(ids[i]);
  const double sum = j.how.renormalise ? std::max(chosen, j.how.sum_least * all) : all;
  for (int i = 0; i < j.how.k; ++i) weights[i] = static_cast<float>(power(ids[i]) / sum) * j.how.scale;
}

void route_row(const RoutingJob& j, int64_t row, const RowScratch& s) {
  const int64_t k = j.how.k;
  const float* logits = j.logits + row * j.experts;
  int32_t* ids = j.ids + row * k;
  float* margin = j.margin ? j.margin + row : nullptr;
  const bool softmax = j.how.score == Routing::Score::softmax;
  const bool plain = compares_logits(j.how, j.bias);
  if (softmax ? !plain && !j.fixed : true) score_row(j, logits, s.p);
  if (!j.fixed) choose(j, plain ? logits : s.p, s, ids, margin);
  if (j.fixed) std::copy_n(j.fixed + row * k, k, ids);
  if (j.fixed && margin) *margin = INFINITY;
  if (softmax)
    weigh_softmax(j, logits, ids, j.weights + row * k);
  else
    weigh(j.how, s.p, ids, j.weights + row * k);
}

}  // namespace

Choice record_route(Recorder& on, Tensor logits, const Vector& bias, Tensor fixed, const Routing& how,
                    Tensor* margin) {
  check_routing(how, logits, bias, fixed);
  const int64_t rows = logits.rows(), experts = logits.cols();
  AUTARK_CHECK(experts * int64_t{3 * sizeof(float)} <= kScratchBytes);
  Choice to{on.tensor({rows, how.k}, Format::i32), on.tensor({rows, how.k})};
  Tensor ahead;
  if (margin) *margin = ahead = on.tensor({rows});
  const RoutingJob job{.how = how,
                       .experts = experts,
                       .logits = logits.f32(),
                       .bias = bias.values,
                       .fixed = fixed ? fixed.i32() : nullptr,
                       .ids = to.ids.i32(),
                       .weights = to.weights.f32(),
                       .margin = margin ? ahead.f32() : nullptr};
  on.add_rows(rows, {logits, fixed}, {to.ids, to.weights, ahead},
              [job](int64_t row, void* scratch) { route_row(job, row, RowScratch(scratch, job.experts)); });
  return to;
}

}  // namespace autark
