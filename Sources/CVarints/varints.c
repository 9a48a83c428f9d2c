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

/// A varint of up to eight bytes, where eight can be looked at; false for a longer one.
INLINE bool read_varint(const uint8_t **p, int64_t *value, const bool has_pext) {
    uint64_t word = eight_bytes(*p), ends = ~word & 0x8080808080808080;
    if (RARELY(!ends)) return false;
    *p += (__builtin_ctzll(ends) + 1) >> 3;
    *value = from_zigzag(closed_up(word & (ends ^ (ends - 1)), has_pext));
    return true;
}

INLINE long read_record_heads(
    const uint8_t **position, const uint8_t *end, int64_t *next_delta, int64_t last_delta,
    struct tidemark_record_head *heads, long most, const bool has_pext) {
    const uint8_t *p = *position;
    int64_t least_delta = *next_delta;
    long count = 0;
    while (count < most && end - p >= 64) {
        const uint8_t *q = p;
        int64_t length, timestamp_delta, offset_delta, value_count;
        // The next record waits for this one's length, so that of a byte is read by fewer steps.
        if (*q < 0x80) {
            length = *q & 1 ? -1 : *q / 2;
            q += 1;
        } else if (!read_varint(&q, &length, has_pext)) {
            break;
        }
        if (length < 0 || length > end - q) break;
        const uint8_t *next = q + length;
        // The attributes say nothing.
        q += 1;
        if (!read_varint(&q, &timestamp_delta, has_pext)) break;
        if (!read_varint(&q, &offset_delta, has_pext)) break;
        // A key's length of -1 is a byte of its own, and so is the number of headers, 0.
        if (*q++ != 1) break;
        if (!read_varint(&q, &value_count, has_pext)) break;
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

// Where a row's next field begins depends on the field before. So one field of all rows is read after the other: what a
// row waits for was read long before, and lengths, which differ from row to row, need not be foretold by branches.
// Each of these reads a field of the rows before `last` and returns the first row that has it not as it should be.

INLINE void keep(struct tidemark_row *row, const struct tidemark_field field, int64_t number, const bool is_hashed) {
    row->words[field.word] = number;
    if (is_hashed) row->hash += tidemark_mixed(field.salt, (uint64_t)number);
}

INLINE struct tidemark_row *read_longs(
    struct tidemark_row *row, struct tidemark_row *last, const struct tidemark_field field, const bool is_hashed,
    const bool has_pext) {
    for (; row < last; row++) {
        int64_t number;
        if (!read_varint(&row->position, &number, has_pext)) break;
        keep(row, field, number, is_hashed);
    }
    return row;
}

INLINE struct tidemark_row *read_decimals(
    struct tidemark_row *row, struct tidemark_row *last, const struct tidemark_field field, const bool is_hashed) {
    for (; row < last; row++) {
        // The length is a zigzag varint: an odd byte is far out of the range.
        uint32_t byte = *row->position, length = byte >> 1 | byte << 31;
        if (RARELY(length - 1 > 7)) break;
        int64_t number = (int64_t)__builtin_bswap64(eight_bytes(row->position + 1)) >> (64 - 8 * length);
        row->position += 1 + length;
        keep(row, field, number, is_hashed);
    }
    return row;
}

INLINE struct tidemark_row *skip_bytes(struct tidemark_row *row, struct tidemark_row *last) {
    for (; row < last; row++) {
        uint8_t byte = *row->position;
        if (RARELY((byte & 0x81) != 0)) break;
        row->position += 1 + byte / 2;
    }
    return row;
}

INLINE struct tidemark_row *skip_eight_bytes(struct tidemark_row *row, struct tidemark_row *last) {
    for (; row < last; row++) row->position += 8;
    return row;
}

/// The most bytes that a field takes, or that are looked at to read it.
INLINE long most_bytes(uint8_t encoding) {
    return encoding == TIDEMARK_BYTES ? 64 : encoding == TIDEMARK_DECIMAL ? 9 : 8;
}

INLINE long read_rows(
    struct tidemark_row *rows, long count, const uint8_t *readable_end, const struct tidemark_field *fields,
    long field_count, const bool has_pext) {
    long most = 0;
    for (long index = 0; index < field_count; index++) most += most_bytes(fields[index].encoding);
    while (count > 0 && readable_end - rows[count - 1].position < most) count--;
    struct tidemark_row *last = rows + count;
    for (long index = 0; index < field_count; index++) {
        const struct tidemark_field field = fields[index];
        if (field.encoding == TIDEMARK_LONG && field.is_hashed) {
            last = read_longs(rows, last, field, true, has_pext);
        } else if (field.encoding == TIDEMARK_LONG) {
            last = read_longs(rows, last, field, false, has_pext);
        } else if (field.encoding == TIDEMARK_DECIMAL && field.is_hashed) {
            last = read_decimals(rows, last, field, true);
        } else if (field.encoding == TIDEMARK_DECIMAL) {
            last = read_decimals(rows, last, field, false);
        } else if (field.encoding == TIDEMARK_BYTES) {
            last = skip_bytes(rows, last);
        } else {
            last = skip_eight_bytes(rows, last);
        }
    }
    struct tidemark_row *row = rows;
    while (row < last && row->position == row->end) row++;
    return row - rows;
}

#if defined(__x86_64__)
#define HAS_PEXT __builtin_cpu_supports("bmi2")
#define FOR_PEXT __attribute__((target("bmi,bmi2")))
#else
#define HAS_PEXT false
#define FOR_PEXT
#endif

FOR_PEXT static long read_record_heads_with_pext(
    const uint8_t **position, const uint8_t *end, int64_t *next_delta, int64_t last_delta,
    struct tidemark_record_head *heads, long most) {
    return read_record_heads(position, end, next_delta, last_delta, heads, most, true);
}

long tidemark_read_record_heads(
    const uint8_t **position, const uint8_t *end, int64_t *next_delta, int64_t last_delta,
    struct tidemark_record_head *heads, long most) {
    if (HAS_PEXT) return read_record_heads_with_pext(position, end, next_delta, last_delta, heads, most);
    return read_record_heads(position, end, next_delta, last_delta, heads, most, false);
}

FOR_PEXT static long read_rows_with_pext(
    struct tidemark_row *rows, long count, const uint8_t *readable_end, const struct tidemark_field *fields,
    long field_count) {
    return read_rows(rows, count, readable_end, fields, field_count, true);
}

long tidemark_read_rows(
    struct tidemark_row *rows, long count, const uint8_t *readable_end, const struct tidemark_field *fields,
    long field_count) {
    if (HAS_PEXT) return read_rows_with_pext(rows, count, readable_end, fields, field_count);
    return tidemark_read_rows_by_shifts(rows, count, readable_end, fields, field_count);
}

long tidemark_read_rows_by_shifts(
    struct tidemark_row *rows, long count, const uint8_t *readable_end, const struct tidemark_field *fields,
    long field_count) {
    return read_rows(rows, count, readable_end, fields, field_count, false);
}
