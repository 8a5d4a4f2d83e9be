// Whether this is a build with AddressSanitizer or ThreadSanitizer, which run several times slower: for tests, and for code
// that would take the place of theirs.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AUTARK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AUTARK_SANITIZED 1
#endif
#endif
#ifndef AUTARK_SANITIZED
#define AUTARK_SANITIZED 0
#endif

namespace autark {

inline constexpr bool kSanitized = AUTARK_SANITIZED != 0;

}  // namespace autark
