#define _GNU_SOURCE
#include "memory_pages.h"
#include <stdint.h>
#include <sys/mman.h>

static const size_t large_page = (size_t)2 << 20;

void tidemark_prefer_large_pages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(start, bytes, MADV_HUGEPAGE);
#endif
}

/// Addresses that begin at a large page.
static void *reserve(size_t bytes, int protection) {
    char *start = mmap(NULL, bytes + large_page, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t before = (large_page - (uintptr_t)start % large_page) % large_page;
    if (before > 0) munmap(start, before);
    munmap(start + before + bytes, large_page - before);
    return start + before;
}

void *tidemark_map_large(size_t bytes) {
    void *memory = reserve(bytes, PROT_READ | PROT_WRITE);
    if (memory) tidemark_prefer_large_pages(memory, bytes);
    return memory;
}

void *tidemark_grow_large(void *memory, size_t bytes, size_t more) {
#ifdef MREMAP_FIXED
    // So that the new addresses too begin at a large page, or pages would be moved one by one.
    void *place = reserve(more, PROT_NONE);
    if (!place) return NULL;
    void *moved = mremap(memory, bytes, more, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (moved != MAP_FAILED) return moved;
    // The addresses may be somebody else's by now, or stay taken, which costs no memory.
#endif
    return NULL;
}

void tidemark_unmap_large(void *memory, size_t bytes) { munmap(memory, bytes); }
