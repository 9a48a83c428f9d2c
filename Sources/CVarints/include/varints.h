#pragma once
#include <stdbool.h>
#include <stdint.h>

// Bytes that are mostly zigzag varints, many records at a time. What is unusual or malformed is left to the caller's careful
// way.

/// A record (of a batch of format v2) without key and headers: its place, and what it says before its value.
struct tidemark_record_head {
    int64_t timestamp_delta;
    int64_t offset_delta;
    const uint8_t *_Nullable value;
    int64_t value_count;
};

/// Reads the heads of up to `most` records from `*position` on. Offset deltas are at least `*next_delta`, which grows, and at
/// most `last_delta`. Ends before a record that is not whole, has a key or headers, contradicts itself, or begins within 64
/// bytes of `end`.
/// Returns the number of records; `*position` is behind the last one.
long tidemark_read_record_heads(
    const uint8_t *_Nonnull *_Nonnull position, const uint8_t *_Nonnull end, int64_t *_Nonnull next_delta,
    int64_t last_delta, struct tidemark_record_head *_Nonnull heads, long most);

/// How a field of an Avro row is written: a long; the bytes of a decimal, eight at most; bytes or a string, of which nothing
/// is kept; eight bytes, of which nothing is kept.
enum { TIDEMARK_LONG, TIDEMARK_DECIMAL, TIDEMARK_BYTES, TIDEMARK_EIGHT_BYTES };

/// A field: how it is written, the word that takes its number, and (where it counts for the row's hash) the salt that its
/// number is mixed with.
struct tidemark_field {
    uint8_t encoding;
    bool is_hashed;
    int32_t word;
    uint64_t salt;
};

/// A row of fields: where the next one begins, where the last one has to end, the words that take their numbers, and the
/// hash, to which the mixed numbers are added.
struct tidemark_row {
    const uint8_t *_Nonnull position;
    const uint8_t *_Nonnull end;
    int64_t *_Nonnull words;
    uint64_t hash;
};

/// A hash of a pair that depends on their order; cheaper than two full mixes.
static inline uint64_t tidemark_mixed(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9E3779B97F4A7C15) * (b * 0xD6E8FEB86659FD93 | 1);
    return ((uint64_t)(product >> 64) ^ (uint64_t)product) + b;
}

/// Reads rows of the same fields, which lie in memory in the order that they are given in. Bytes before `readable_end` may
/// be looked at.
/// Returns how many rows were read, from the first one on. The next one, if there is one, is malformed or unusual: it has a
/// long of more than eight bytes, bytes of 64 or more, or fewer bytes that may be looked at than its fields could take. What
/// it and those behind it hold then is undefined.
long tidemark_read_rows(
    struct tidemark_row *_Nonnull rows, long count, const uint8_t *_Nonnull readable_end,
    const struct tidemark_field *_Nonnull fields, long field_count);

/// The same as on a processor that cannot close up bits in one instruction.
long tidemark_read_rows_by_shifts(
    struct tidemark_row *_Nonnull rows, long count, const uint8_t *_Nonnull readable_end,
    const struct tidemark_field *_Nonnull fields, long field_count);
