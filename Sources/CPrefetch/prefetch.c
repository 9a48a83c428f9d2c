#define _DEFAULT_SOURCE
#include "prefetch.h"
#include <sys/mman.h>

void tidemark_prefer_large_pages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(start, bytes, MADV_HUGEPAGE);
#endif
}
