#include "row_kernels.h"

#pragma STDC FP_CONTRACT OFF

// Four doubles wherever they lie. Each kernel is written once and compiled twice: for AVX2, and for any processor.
typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t four_words __attribute__((vector_size(32)));

#define FOUR(pointer, index) (*(const four *)((pointer) + (index)))
#define SET_FOUR(pointer, index, value) (*(four *)((pointer) + (index)) = (value))
#define INLINE static inline __attribute__((always_inline))

/// The sum of `term`, an expression in i, for columns one at a time and FOUR columns at a time: even and odd fours have sums
/// of their own, and the columns behind the last four come last.
#define SUM(one, fours)                                        \
    four even = {0, 0, 0, 0}, odd = {0, 0, 0, 0};              \
    long i = 0;                                                \
    for (; i + 8 <= count; i += 4) {                           \
        even += (fours);                                       \
        i += 4;                                                \
        odd += (fours);                                        \
    }                                                          \
    if (i + 4 <= count) {                                      \
        even += (fours);                                       \
        i += 4;                                                \
    }                                                          \
    even += odd;                                               \
    double sum = (even[0] + even[2]) + (even[1] + even[3]);    \
    for (; i < count; i++) sum += (one);                       \
    return sum;

INLINE double dot(const double *a, const double *b, long count) { SUM(a[i] * b[i], FOUR(a, i) * FOUR(b, i)) }

INLINE double centred_dot(const double *row, const double *centre, const double *weights, long count) {
    SUM((row[i] - centre[i]) * weights[i], (FOUR(row, i) - FOUR(centre, i)) * FOUR(weights, i))
}

INLINE double squared_distance(const double *a, const double *b, long count) {
    SUM((a[i] - b[i]) * (a[i] - b[i]), (FOUR(a, i) - FOUR(b, i)) * (FOUR(a, i) - FOUR(b, i)))
}

INLINE void scale(const double *row, const double *centre, const double *factors, long count, double *target) {
    long i = 0;
    for (; i + 4 <= count; i += 4) SET_FOUR(target, i, (FOUR(row, i) - FOUR(centre, i)) * FOUR(factors, i));
    for (; i < count; i++) target[i] = (row[i] - centre[i]) * factors[i];
}

INLINE void add(const double *row, double factor, long count, double *target) {
    long i = 0;
    for (; i + 4 <= count; i += 4) SET_FOUR(target, i, FOUR(target, i) + factor * FOUR(row, i));
    for (; i < count; i++) target[i] += factor * row[i];
}

INLINE void add_differences(const double *row, const double *origin, long count, double *sums, double *squares) {
    long i = 0;
    for (; i + 4 <= count; i += 4) {
        four difference = FOUR(row, i) - FOUR(origin, i);
        SET_FOUR(sums, i, FOUR(sums, i) + difference);
        SET_FOUR(squares, i, FOUR(squares, i) + difference * difference);
    }
    for (; i < count; i++) {
        double difference = row[i] - origin[i];
        sums[i] += difference;
        squares[i] += difference * difference;
    }
}

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
INLINE void merge(double *rows, long count) {
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

INLINE void sort_rows(double *rows, long count) {
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
            merge(start + 4 * size, length - size);
        }
    }
}

/// The fresh rows are turned round, so that with those behind them they first fall and then rise.
INLINE void sort_into(double *rows, long fresh, long count) {
    sort_rows(rows, fresh);
    for (long row = 0; row < fresh / 2; row++) {
        four a = FOUR(rows, 4 * row);
        SET_FOUR(rows, 4 * row, FOUR(rows, 4 * (fresh - 1 - row)));
        SET_FOUR(rows, 4 * (fresh - 1 - row), a);
    }
    if (fresh < count || fresh > 1) merge(rows, count);
}

/// How many of eight edges are not above the value.
INLINE long not_above(const double *edges, double value) {
    long count = 0;
    for (long i = 0; i < 8; i++) count += edges[i] <= value;
    return count;
}

INLINE void locate(
    const double *row, const struct tidemark_edges *columns, long count, const double *edges, int32_t *places) {
    for (long i = 0; i < count; i++) {
        struct tidemark_edges column = columns[i];
        double value = row[column.column];
        const double *start = edges + column.start;
        long eight = 0;
        // There is one as a rule.
#pragma clang loop vectorize(disable) unroll(disable)
        for (int32_t pivots = 0; pivots < column.pivot_eights; pivots++, start += 8) eight += not_above(start, value);
        places[i] = (int32_t)(8 * eight + not_above(start + 8 * eight, value));
    }
}

/// The sparse products of one vector or of both. Without a branch that depends on the row: what is active differs from row
/// to row.
INLINE void sparse_products(
    const int32_t *indices, const double *values, long count, const double *weights, const double *others,
    double *result, double *other_result, const int both) {
    four sums = {0, 0, 0, 0}, other_sums = {0, 0, 0, 0};
    long k = 0;
    for (; k + 4 <= count; k += 4) {
        // For an index below 0 all bits of its sign are set.
        int32_t a = indices[k], b = indices[k + 1], c = indices[k + 2], d = indices[k + 3];
        four_words inactive = {a >> 31, b >> 31, c >> 31, d >> 31};
        four value = (four)((four_words)FOUR(values, k) & ~inactive);
        a &= ~(a >> 31), b &= ~(b >> 31), c &= ~(c >> 31), d &= ~(d >> 31);
        sums += value * (four){weights[a], weights[b], weights[c], weights[d]};
        if (both) other_sums += value * (four){others[a], others[b], others[c], others[d]};
    }
    double rest = 0, other_rest = 0;
    for (; k < count; k++) {
        double value = values[k] * (double)(indices[k] >= 0);
        int32_t index = indices[k] < 0 ? 0 : indices[k];
        rest += value * weights[index];
        if (both) other_rest += value * others[index];
    }
    *result = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
    if (both) *other_result = ((other_sums[0] + other_sums[1]) + (other_sums[2] + other_sums[3])) + other_rest;
}

INLINE double sparse_dot(const int32_t *indices, const double *values, long count, const double *weights) {
    double result;
    sparse_products(indices, values, count, weights, 0, &result, 0, 0);
    return result;
}

INLINE void sparse_dots(
    const int32_t *indices, const double *values, long count, const double *weights, const double *others,
    double *result, double *other_result) {
    sparse_products(indices, values, count, weights, others, result, other_result, 1);
}

#if defined(__x86_64__)
#define KERNEL(result, name, parameters, arguments)                                              \
    __attribute__((target("avx2,popcnt"))) static result name##_avx2 parameters { return name arguments; } \
    result tidemark_##name parameters {                                                          \
        if (__builtin_cpu_supports("avx2")) return name##_avx2 arguments;                        \
        return name arguments;                                                                   \
    }
#else
#define KERNEL(result, name, parameters, arguments) \
    result tidemark_##name parameters { return name arguments; }
#endif

KERNEL(double, dot, (const double *a, const double *b, long count), (a, b, count))
KERNEL(
    double, centred_dot, (const double *row, const double *centre, const double *weights, long count),
    (row, centre, weights, count))
KERNEL(double, squared_distance, (const double *a, const double *b, long count), (a, b, count))
KERNEL(
    void, scale, (const double *row, const double *centre, const double *factors, long count, double *target),
    (row, centre, factors, count, target))
KERNEL(void, add, (const double *row, double factor, long count, double *target), (row, factor, count, target))
KERNEL(
    void, add_differences, (const double *row, const double *origin, long count, double *sums, double *squares),
    (row, origin, count, sums, squares))
KERNEL(void, sort_into, (double *rows, long fresh, long count), (rows, fresh, count))
KERNEL(
    void, locate,
    (const double *row, const struct tidemark_edges *columns, long count, const double *edges, int32_t *places),
    (row, columns, count, edges, places))
KERNEL(
    double, sparse_dot, (const int32_t *indices, const double *values, long count, const double *weights),
    (indices, values, count, weights))
KERNEL(
    void, sparse_dots,
    (const int32_t *indices, const double *values, long count, const double *weights, const double *others,
     double *result, double *other_result),
    (indices, values, count, weights, others, result, other_result))
