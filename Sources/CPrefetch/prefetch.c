#define _DEFAULT_SOURCE
#include "prefetch.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void tidemark_prefer_large_pages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(start, bytes, MADV_HUGEPAGE);
#endif
}

void tidemark_prefer_large_pages_for_heap(void) {
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
    const uintptr_t ahead = (uintptr_t)1 << 30, large_page = (uintptr_t)1 << 21;
    // From the next growth on the heap's end runs so far ahead of its use; larger pieces are mapped on their own, and
    // threads have no heaps of their own.
    if (!mallopt(M_TOP_PAD, (int)ahead) || !mallopt(M_MMAP_THRESHOLD, 1 << 20) || !mallopt(M_ARENA_MAX, 1)) return;
    uintptr_t before = (uintptr_t)sbrk(0);
    void *volatile piece = malloc(1 << 19);
    uintptr_t end = (uintptr_t)sbrk(0), start = (before + large_page - 1) & ~(large_page - 1);
    free(piece);
    if (end > start && end - before >= ahead)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
    else
        // The system grants no more than is used.
        mallopt(M_TOP_PAD, 128 << 10);
#endif
}
