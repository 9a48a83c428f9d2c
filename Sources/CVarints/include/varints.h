#pragma once
#include <stdbool.h>
#include <stdint.h>

// Bytes that are mostly zigzag varints. How long each is, is guessed from the one before of its kind, so that the
// processor need not wait for a varint to know where the next one begins; guesses show in no result.
// What is unusual or malformed is left to the caller's careful way.

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
/// is kept; eight bytes, of which nothing is kept; a long of which guesses of the length fail too often.
enum { TIDEMARK_LONG, TIDEMARK_DECIMAL, TIDEMARK_BYTES, TIDEMARK_EIGHT_BYTES, TIDEMARK_VARYING_LONG };

/// A field: how it is written, the word that takes its number, and (where it counts for the row's hash) the salt that its
/// number is mixed with. Then the guess of its length: the bits of a long's bytes, or the byte that a decimal or bytes begin
/// with; all bytes; for decimals how far eight bytes are to be shifted.
struct tidemark_field {
    uint8_t encoding;
    bool is_hashed;
    uint8_t shift;
    uint8_t wrong_guesses;
    int32_t word;
    uint64_t salt;
    uint64_t expected;
    uint64_t length;
};

struct tidemark_field tidemark_make_field(uint8_t encoding, int32_t word, bool is_hashed, uint64_t salt);

/// A hash of a pair that depends on their order; cheaper than two full mixes.
static inline uint64_t tidemark_mixed(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9E3779B97F4A7C15) * (b * 0xD6E8FEB86659FD93 | 1);
    return ((uint64_t)(product >> 64) ^ (uint64_t)product) + b;
}

/// Reads a row of fields into `words`; 0 where nothing is kept. Bytes before `readable_end` may be looked at. `*hash` becomes
/// the sum of the mixed numbers.
/// Returns whether the row ends where `end` says. False too for longs of eight bytes or more, for bytes of 64 or more, and
/// where fewer bytes may be looked at than nine for each field.
bool tidemark_read_fields(
    const uint8_t *_Nonnull start, const uint8_t *_Nonnull end, const uint8_t *_Nonnull readable_end,
    struct tidemark_field *_Nonnull fields, long count, int64_t *_Nonnull words, uint64_t *_Nonnull hash);

/// The same as on a processor that cannot close up bits in one instruction.
bool tidemark_read_fields_by_shifts(
    const uint8_t *_Nonnull start, const uint8_t *_Nonnull end, const uint8_t *_Nonnull readable_end,
    struct tidemark_field *_Nonnull fields, long count, int64_t *_Nonnull words, uint64_t *_Nonnull hash);
