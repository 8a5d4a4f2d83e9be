// AUTARK_UNROLL(n) before a loop of n iterations whose arrays should stay in registers.
#pragma once
#define AUTARK_PRAGMA_(text) _Pragma(#text)
#if defined(__clang__)
#define AUTARK_UNROLL(n) AUTARK_PRAGMA_(unroll(n))
#else
#define AUTARK_UNROLL(n) AUTARK_PRAGMA_(GCC unroll n)
#endif
// For functions whose arguments must stay in registers, too.
#define AUTARK_INLINE [[gnu::always_inline]] inline
