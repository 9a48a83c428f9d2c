#include "checksum.h"
#include <string.h>

static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = (c >> 1) ^ (0x82F63B78u & (0u - (c & 1)));
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 8; slice++)
            table[slice][i] = (table[slice - 1][i] >> 8) ^ table[0][table[slice - 1][i] & 255];
}

uint32_t tidemark_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = table[7][word & 255] ^ table[6][(word >> 8) & 255] ^ table[5][(word >> 16) & 255]
            ^ table[4][(word >> 24) & 255] ^ table[3][(word >> 32) & 255] ^ table[2][(word >> 40) & 255]
            ^ table[1][(word >> 48) & 255] ^ table[0][word >> 56];
    }
    for (; count > 0; count--, p++) crc = (crc >> 8) ^ table[0][(crc ^ *p) & 255];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

// The instruction has a latency of three cycles, so three independent streams keep it busy; the streams are
// joined by advancing a CRC over zero bytes, which is a linear map held in two small tables.
enum { STREAM = 1024 };
static uint32_t shift1[4][256], shift2[4][256];

static uint32_t advance_zeros(uint32_t crc, size_t zeros) {
    for (; zeros > 0; zeros--) crc = (crc >> 8) ^ table[0][crc & 255];
    return crc;
}

__attribute__((constructor(200))) static void fill_shifts(void) {
    uint32_t one[32], two[32];
    fill_table();
    for (int bit = 0; bit < 32; bit++) {
        one[bit] = advance_zeros(1u << bit, STREAM);
        two[bit] = advance_zeros(1u << bit, 2 * STREAM);
    }
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t a = 0, b = 0;
            for (int bit = 0; bit < 8; bit++)
                if (value >> bit & 1) { a ^= one[8 * byte + bit]; b ^= two[8 * byte + bit]; }
            shift1[byte][value] = a;
            shift2[byte][value] = b;
        }
}

static inline uint32_t shifted(uint32_t tables[4][256], uint32_t crc) {
    return tables[0][crc & 255] ^ tables[1][(crc >> 8) & 255] ^ tables[2][(crc >> 16) & 255] ^ tables[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    uint64_t c0 = (uint32_t)~crc;
    for (; count >= 3 * STREAM; count -= 3 * STREAM, p += 3 * STREAM) {
        uint64_t c1 = 0, c2 = 0;
        for (int i = 0; i < STREAM; i += 8) {
            uint64_t a, b, c;
            memcpy(&a, p + i, 8);
            memcpy(&b, p + STREAM + i, 8);
            memcpy(&c, p + 2 * STREAM + i, 8);
            c0 = _mm_crc32_u64(c0, a);
            c1 = _mm_crc32_u64(c1, b);
            c2 = _mm_crc32_u64(c2, c);
        }
        c0 = shifted(shift2, (uint32_t)c0) ^ shifted(shift1, (uint32_t)c1) ^ (uint32_t)c2;
    }
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c0 = _mm_crc32_u64(c0, word);
    }
    uint32_t c = (uint32_t)c0;
    for (; count > 0; count--, p++) c = _mm_crc32_u8(c, *p);
    return ~c;
}

uint32_t tidemark_crc32c(uint32_t crc, const void *bytes, size_t count) {
    if (__builtin_cpu_supports("sse4.2")) return crc32c_instruction(crc, bytes, count);
    return tidemark_crc32c_portable(crc, bytes, count);
}
#else
uint32_t tidemark_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return tidemark_crc32c_portable(crc, bytes, count);
}
#endif
