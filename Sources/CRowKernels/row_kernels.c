#include "row_kernels.h"

#pragma STDC FP_CONTRACT OFF

// Four doubles wherever they lie. Each kernel is written once and compiled twice: for AVX2, and for any processor.
typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t four_words __attribute__((vector_size(32)));
typedef int32_t four_indices __attribute__((vector_size(16), aligned(4), may_alias));

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

/// Two rows of four become their least and their greatest values, column by column.
#define EXCHANGE(low, high)                                             \
    do {                                                                \
        four least, greatest;                                           \
        for (int column = 0; column < 4; column++) {                    \
            least[column] = low[column] < high[column] ? low[column] : high[column];    \
            greatest[column] = low[column] < high[column] ? high[column] : low[column]; \
        }                                                               \
        low = least;                                                    \
        high = greatest;                                                \
    } while (0)

INLINE void exchange(double *low, double *high) {
    four a = FOUR(low, 0), b = FOUR(high, 0);
    EXCHANGE(a, b);
    SET_FOUR(low, 0, a);
    SET_FOUR(high, 0, b);
}

/// Sorts each of four columns in descending order by Batcher's merge exchange ("Sorting networks and their applications",
/// 1968): what is compared does not depend on the values, so four columns are sorted as one and no branch is guessed.
INLINE void sort_descending(double *rows, long count) {
    long top = 1;
    while (2 * top < count) top *= 2;
    for (long part = top; part > 0; part /= 2) {
        long first = 0, distance = part;
        for (long next = top;; next /= 2) {
            long end = count - distance;
            for (long block = first; block < end; block += 2 * part) {
                long block_end = block + part < end ? block + part : end;
                for (long row = block; row < block_end; row++) exchange(rows + 4 * (row + distance), rows + 4 * row);
            }
            if (next == part) break;
            distance = next - part;
            first = part;
        }
    }
}

/// Sorts columns that first fall and then rise, of a power of two of rows; two steps of the same paper's bitonic merge at a
/// time, so that each value is loaded half as often.
INLINE void merge_power_of_two(double *rows, long count) {
    long distance = count / 2;
    for (; distance > 1; distance /= 4) {
        long half = distance / 2;
        for (double *block = rows; block < rows + 4 * count; block += 8 * distance) {
            for (double *row = block; row < block + 4 * half; row += 4) {
                four a = FOUR(row, 0), b = FOUR(row, 4 * half);
                four c = FOUR(row, 4 * distance), d = FOUR(row, 4 * (distance + half));
                EXCHANGE(a, c);
                EXCHANGE(b, d);
                EXCHANGE(a, b);
                EXCHANGE(c, d);
                SET_FOUR(row, 0, a);
                SET_FOUR(row, 4 * half, b);
                SET_FOUR(row, 4 * distance, c);
                SET_FOUR(row, 4 * (distance + half), d);
            }
        }
    }
    if (distance == 1) {
        for (double *row = rows; row < rows + 4 * count; row += 8) exchange(row, row + 4);
    }
}

/// The columns behind the last row may be thought of as filled up with infinity to a power of two.
INLINE void sort_into(double *rows, long fresh, long count) {
    sort_descending(rows, fresh);
    while (count > 1) {
        long distance = 1;
        while (2 * distance < count) distance *= 2;
        for (long row = 0; row < count - distance; row++) exchange(rows + 4 * row, rows + 4 * (row + distance));
        merge_power_of_two(rows, distance);
        rows += 4 * distance;
        count -= distance;
    }
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
        four_indices index = *(const four_indices *)(indices + k);
        four_indices active = index >= 0;
        index &= active;
        four value = (four)((four_words)FOUR(values, k) & __builtin_convertvector(active, four_words));
        sums += value * (four){weights[index[0]], weights[index[1]], weights[index[2]], weights[index[3]]};
        if (both) other_sums += value * (four){others[index[0]], others[index[1]], others[index[2]], others[index[3]]};
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
