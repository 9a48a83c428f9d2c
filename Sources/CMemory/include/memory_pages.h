#pragma once
#include <stddef.h>

// Hints that show in no result.

/// Asks the processor to bring the cache line at `address` close.
static inline void tidemark_prefetch(const void *address) { __builtin_prefetch(address, 1); }

/// Asks the system to back memory, which begins at a large page, by large pages where it has them.
void tidemark_prefer_large_pages(void *start, size_t bytes);

// Memory out of whole large pages. `bytes` are a multiple of 2 MiB.

/// Zeros, beginning at a large page; NULL where there is no such memory.
void *tidemark_map_large(size_t bytes);

/// The same memory with zeros behind, perhaps at another address: its pages move, and nothing is copied. NULL: it stays as it is.
void *tidemark_grow_large(void *memory, size_t bytes, size_t more);

void tidemark_unmap_large(void *memory, size_t bytes);
