// Secrets in the memory of this process. A request's head and body have keys, passwords and sessions; parsers, JSON values and
// buffers copy them, and the allocator keeps what is freed for a long time.
#pragma once

namespace autark::platform {

// From now on: the process leaves no core dump and only a privileged user may read its memory; what `operator delete` gives
// back is overwritten first, so that a secret is not in memory once its request is answered. (With a sanitizer, which checks
// and poisons freed memory itself, nothing is overwritten.) What C libraries free is not overwritten; they get hashes
// only, but for Argon2 and OpenSSL, which clean up after themselves.
void guard_memory();

// Overwrites what calls before this one have left on the stack of the thread, where JSON is written piece by piece.
void wipe_stack();

}  // namespace autark::platform
