#include "varints.h"
#include <string.h>

// Each function is written once and compiled twice, with and without the processor's instruction that closes up bits.
#define INLINE static inline __attribute__((always_inline))
#define RARELY(condition) __builtin_expect(condition, 0)

INLINE uint64_t eight_bytes(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/// Closes up the low seven bits of each byte.
INLINE uint64_t closed_up(uint64_t word, const bool has_pext) {
#if defined(__x86_64__)
    if (has_pext) {
        const uint64_t mask = 0x7F7F7F7F7F7F7F7F;
        uint64_t result;
        __asm__("pext %2, %1, %0" : "=r"(result) : "r"(word), "r"(mask));
        return result;
    }
#endif
    (void)has_pext;
    word &= 0x7F7F7F7F7F7F7F7F;
    word = (word & 0x7F007F007F007F00) >> 1 | (word & 0x007F007F007F007F);
    word = (word & 0x3FFF00003FFF0000) >> 2 | (word & 0x00003FFF00003FFF);
    return (word & 0x0FFFFFFF00000000) >> 4 | (word & 0x000000000FFFFFFF);
}

INLINE int64_t from_zigzag(uint64_t bits) { return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1); }

/// A varint of up to seven bytes, where eight can be looked at; false for a longer one. `*expected` are the bits of as many
/// bytes as the varint before had, `*length` their number.
INLINE bool read_varint(
    const uint8_t **p, int64_t *value, uint64_t *expected, uint64_t *length, const bool has_pext) {
    uint64_t word = eight_bytes(*p), ends = ~word & 0x8080808080808080, bits = ends ^ (ends - 1);
    if (RARELY(bits != *expected)) {
        // All bits: eight bytes or more.
        if (bits == ~(uint64_t)0) return false;
        *expected = bits;
        *length = (uint64_t)(__builtin_ctzll(ends) + 1) / 8;
    }
    *p += *length;
    *value = from_zigzag(closed_up(word & bits, has_pext));
    return true;
}

INLINE long read_record_heads(
    const uint8_t **position, const uint8_t *end, int64_t *next_delta, int64_t last_delta,
    struct tidemark_record_head *heads, long most, const bool has_pext) {
    const uint8_t *p = *position;
    int64_t least_delta = *next_delta;
    uint64_t expected[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    uint64_t lengths[4] = {1, 1, 1, 1};
    long count = 0;
    while (count < most && end - p >= 64) {
        const uint8_t *q = p;
        int64_t length, timestamp_delta, offset_delta, value_count;
        // The next record waits for this one's length, so that of a byte is read by fewer steps.
        if (*q < 0x80) {
            length = *q & 1 ? -1 : *q / 2;
            q += 1;
        } else if (!read_varint(&q, &length, &expected[0], &lengths[0], has_pext)) {
            break;
        }
        if (length < 0 || length > end - q) break;
        const uint8_t *next = q + length;
        // The attributes say nothing.
        q += 1;
        if (!read_varint(&q, &timestamp_delta, &expected[1], &lengths[1], has_pext)) break;
        if (!read_varint(&q, &offset_delta, &expected[2], &lengths[2], has_pext)) break;
        // A key's length of -1 is a byte of its own, and so is the number of headers, 0.
        if (*q++ != 1) break;
        if (!read_varint(&q, &value_count, &expected[3], &lengths[3], has_pext)) break;
        if (value_count < 0 || value_count != next - q - 1 || next[-1] != 0) break;
        if (offset_delta < least_delta || offset_delta > last_delta) break;
        heads[count++] = (struct tidemark_record_head){timestamp_delta, offset_delta, q, value_count};
        least_delta = offset_delta + 1;
        p = next;
    }
    *position = p;
    *next_delta = least_delta;
    return count;
}

/// The same where lengths differ so often that guesses cost more than waiting does.
INLINE bool read_varint_of_any_length(const uint8_t **p, int64_t *value, const bool has_pext) {
    uint64_t word = eight_bytes(*p), ends = ~word & 0x8080808080808080;
    if (RARELY(!ends)) return false;
    *p += (__builtin_ctzll(ends) + 1) >> 3;
    *value = from_zigzag(closed_up(word & (ends ^ (ends - 1)), has_pext));
    return true;
}

/// A long; after too many wrong guesses no more are made.
INLINE bool read_long(const uint8_t **p, int64_t *value, struct tidemark_field *field, const bool has_pext) {
    const uint64_t before = field->length;
    if (!read_varint(p, value, &field->expected, &field->length, has_pext)) return false;
    if (RARELY(field->length != before) && ++field->wrong_guesses == 64) field->encoding = TIDEMARK_VARYING_LONG;
    return true;
}

/// The length of 1 to 8 bytes that a decimal begins with, 0 to 63 for other bytes, as a zigzag varint: a byte.
INLINE bool guess_length(struct tidemark_field *field, uint8_t byte) {
    uint32_t count = byte / 2;
    if ((byte & 1) != 0 || byte >= 0x80) return false;
    if (field->encoding == TIDEMARK_DECIMAL) {
        if (count < 1 || count > 8) return false;
        field->shift = (uint8_t)(64 - 8 * count);
    }
    field->expected = byte;
    field->length = 1 + count;
    return true;
}

INLINE bool read_fields(
    const uint8_t *p, const uint8_t *end, const uint8_t *readable_end, struct tidemark_field *fields, long count,
    int64_t *words, uint64_t *hash, const bool has_pext) {
    if (readable_end - p < 9 * count) return false;
    uint64_t sum = 0;
    for (struct tidemark_field *field = fields; field < fields + count; field++) {
        int64_t number = 0;
        if (field->encoding == TIDEMARK_LONG) {
            if (!read_long(&p, &number, field, has_pext)) return false;
        } else if (field->encoding == TIDEMARK_VARYING_LONG) {
            if (!read_varint_of_any_length(&p, &number, has_pext)) return false;
        } else {
            if (field->encoding != TIDEMARK_EIGHT_BYTES) {
                if (RARELY(*p != field->expected) && !guess_length(field, *p)) return false;
                if (field->encoding == TIDEMARK_DECIMAL) {
                    number = (int64_t)__builtin_bswap64(eight_bytes(p + 1)) >> field->shift;
                } else if (readable_end - p - (int64_t)field->length < 9 * (fields + count - field - 1)) {
                    return false;
                }
            }
            p += field->length;
        }
        words[field->word] = number;
        if (field->is_hashed) sum += tidemark_mixed(field->salt, (uint64_t)number);
    }
    *hash = sum;
    return p == end;
}

#if defined(__x86_64__)
#define HAS_PEXT __builtin_cpu_supports("bmi2")
#else
#define HAS_PEXT false
#endif

struct tidemark_field tidemark_make_field(uint8_t encoding, int32_t word, bool is_hashed, uint64_t salt) {
    // What no field begins with is expected at first.
    return (struct tidemark_field){
        .encoding = encoding, .is_hashed = is_hashed, .word = word, .salt = salt, .expected = 0x100, .length = 8};
}

long tidemark_read_record_heads(
    const uint8_t **position, const uint8_t *end, int64_t *next_delta, int64_t last_delta,
    struct tidemark_record_head *heads, long most) {
    if (HAS_PEXT) return read_record_heads(position, end, next_delta, last_delta, heads, most, true);
    return read_record_heads(position, end, next_delta, last_delta, heads, most, false);
}

bool tidemark_read_fields(
    const uint8_t *start, const uint8_t *end, const uint8_t *readable_end, struct tidemark_field *fields, long count,
    int64_t *words, uint64_t *hash) {
    if (HAS_PEXT) return read_fields(start, end, readable_end, fields, count, words, hash, true);
    return tidemark_read_fields_by_shifts(start, end, readable_end, fields, count, words, hash);
}

bool tidemark_read_fields_by_shifts(
    const uint8_t *start, const uint8_t *end, const uint8_t *readable_end, struct tidemark_field *fields, long count,
    int64_t *words, uint64_t *hash) {
    return read_fields(start, end, readable_end, fields, count, words, hash, false);
}
