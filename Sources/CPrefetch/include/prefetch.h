#pragma once
#include <stddef.h>

// Hints without effect on results.

/// Asks the processor to bring the cache line at `address` close.
static inline void tidemark_prefetch(const void *address) { __builtin_prefetch(address, 1); }

/// Asks the system to back memory, which begins at a large page, by large pages where it has them.
void tidemark_prefer_large_pages(void *start, size_t bytes);

/// The same for memory that `malloc` gives, up to a gigabyte of it, from now on.
void tidemark_prefer_large_pages_for_heap(void);
