// The exponential function of 16 lanes, for every ISA. Included after the lanes.
//
// exp(x) = 2^n e^r, n = round(x / ln 2), |r| ≤ ln 2 / 2; e^r is its series up to r^7 (error below 1e-8).
#pragma once

namespace autark {
namespace {

inline F exp_of(F x) {
  const F y = min(all(88.7f), max(all(-87.3f), x));  // keeps NaN
  const F n = nearest(y * all(1.44269504f));
  F r = fma(n, all(-0.693359375f), y);  // n ln 2 in two parts; the first product is exact
  r = fma(n, all(2.12194440e-4f), r);
  F p = fma(r, all(1.f / 5040), all(1.f / 720));
  p = fma(p, r, all(1.f / 120));
  p = fma(p, r, all(1.f / 24));
  p = fma(p, r, all(1.f / 6));
  p = fma(p, r, all(0.5f));
  p = fma(p, r, all(1.f));
  p = fma(p, r, all(1.f));
  return zero_below(scale_by_power(p, n), x, -87.3f);
}

}  // namespace
}  // namespace autark
