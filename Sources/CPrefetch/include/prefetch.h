#pragma once

/// Asks the processor to bring the cache line at `address` close; a hint without effect on results.
static inline void tidemark_prefetch(const void *address) { __builtin_prefetch(address, 1); }
