#include "kernels.h"

// Sorting networks: what is compared does not depend on the values, so four columns are sorted as one and no branch is
// guessed. Merges are those of "Sorting networks and their applications" (1968).

/// Two rows of four become their least and their greatest values, column by column.
#define EXCHANGE(low, high)                                                             \
    do {                                                                                \
        four least, greatest;                                                           \
        for (int column = 0; column < 4; column++) {                                    \
            least[column] = low[column] < high[column] ? low[column] : high[column];    \
            greatest[column] = low[column] < high[column] ? high[column] : low[column]; \
        }                                                                               \
        low = least;                                                                    \
        high = greatest;                                                                \
    } while (0)

INLINE void exchange(double *low, double *high) {
    four a = FOUR(low, 0), b = FOUR(high, 0);
    EXCHANGE(a, b);
    SET_FOUR(low, 0, a);
    SET_FOUR(high, 0, b);
}

/// Takes `ways` rows a `stride` apart through the last steps of a merge: distances ways/2, ..., 1.
INLINE void merge_rows(double *rows, long stride, const int ways) {
    four a[8];
    for (int i = 0; i < ways; i++) a[i] = FOUR(rows, 4 * stride * i);
    for (int distance = ways / 2; distance > 0; distance /= 2) {
        for (int i = 0; i < ways; i++) {
            if (!(i & distance)) EXCHANGE(a[i], a[i + distance]);
        }
    }
    for (int i = 0; i < ways; i++) SET_FOUR(rows, 4 * stride * i, a[i]);
}

/// Takes all rows through steps of a merge, the first of which compares rows `distance` apart.
INLINE void merge_pass(double *rows, long count, long distance, const int ways) {
    long stride = 2 * distance / ways;
    for (long block = 0; block < count; block += 2 * distance) {
        for (long row = block; row < block + stride; row++) merge_rows(rows + 4 * row, stride, ways);
    }
}

/// Sorts columns of a power of two of rows that first fall and then rise, or the other way round, in ascending order. Three
/// steps are taken at a time, so that each value is loaded less often.
INLINE void merge_power_of_two(double *rows, long count) {
    long distance = count / 2, steps = 63 - __builtin_clzl(count);
    if (steps % 3 == 1) merge_pass(rows, count, distance, 2);
    if (steps % 3 == 2) merge_pass(rows, count, distance, 4);
    for (distance >>= steps % 3; distance > 0; distance /= 8) merge_pass(rows, count, distance, 8);
}

/// Sorts columns that first fall and then rise. Behind the last row they may be thought of as filled up with infinity to a
/// power of two.
INLINE void merge_falling_rising(double *rows, long count) {
    while (count > 1) {
        long distance = 1;
        while (2 * distance < count) distance *= 2;
        for (long row = 0; row < count - distance; row++) exchange(rows + 4 * row, rows + 4 * (row + distance));
        merge_power_of_two(rows, distance);
        rows += 4 * distance;
        count -= distance;
    }
}

/// Sorts eight rows: pairs, fours, all.
INLINE void sort_eight(double *rows) {
    four a[8];
    for (int i = 0; i < 8; i++) a[i] = FOUR(rows, 4 * i);
    for (int i = 0; i < 8; i += 2) EXCHANGE(a[i], a[i + 1]);
    for (int i = 0; i < 8; i += 4) {
        EXCHANGE(a[i], a[i + 2]);
        EXCHANGE(a[i + 1], a[i + 3]);
        EXCHANGE(a[i + 1], a[i + 2]);
    }
    for (int i = 0; i < 4; i++) EXCHANGE(a[i], a[i + 4]);
    for (int i = 2; i < 4; i++) EXCHANGE(a[i], a[i + 2]);
    for (int i = 1; i < 7; i += 2) EXCHANGE(a[i], a[i + 1]);
    for (int i = 0; i < 8; i++) SET_FOUR(rows, 4 * i, a[i]);
}

INLINE void sort(double *rows, long count) {
    long eights = count & ~7L;
    for (long block = 0; block < eights; block += 8) sort_eight(rows + 4 * block);
    for (long row = eights + 1; row < count; row++) {
        for (long before = row; before > eights; before--) exchange(rows + 4 * (before - 1), rows + 4 * before);
    }
    for (long size = 8; size < count; size *= 2) {
        for (long block = 0; block + size < count; block += 2 * size) {
            double *start = rows + 4 * block;
            long length = count - block < 2 * size ? count - block : 2 * size;
            // The second half is compared from its end, so that each half first falls and then rises or has one rise.
            for (long row = 2 * size - length; row < size; row++) {
                exchange(start + 4 * row, start + 4 * (2 * size - 1 - row));
            }
            merge_power_of_two(start, size);
            merge_falling_rising(start + 4 * size, length - size);
        }
    }
}

/// The first run is turned round, so that with the second it first falls and then rises.
INLINE void merge(double *rows, long first, long count) {
    if (first == 0 || first == count) return;
    for (long row = 0; row < first / 2; row++) {
        four a = FOUR(rows, 4 * row);
        SET_FOUR(rows, 4 * row, FOUR(rows, 4 * (first - 1 - row)));
        SET_FOUR(rows, 4 * (first - 1 - row), a);
    }
    merge_falling_rising(rows, count);
}

KERNEL(void, sort, (double *rows, long count), (rows, count))
KERNEL(void, merge, (double *rows, long first, long count), (rows, first, count))
