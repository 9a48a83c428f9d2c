#include "kernels.h"

#include <string.h>

#define ROWS_AT_ONCE 64

typedef double eight __attribute__((vector_size(64), aligned(8), may_alias));
typedef _Bool eight_bits __attribute__((ext_vector_type(8)));

/// How many of eight edges are not above the value.
INLINE long not_above(const double *edges, double value) {
    eight_bits found = __builtin_convertvector(*(const eight *)edges <= value, eight_bits);
    uint8_t bits;
    memcpy(&bits, &found, 1);
    return __builtin_popcount(bits);
}

/// How many of a column's edges are not above the value.
INLINE int32_t place(const struct tidemark_edges *column, double value) {
    const double *pivots = column->pivots;
    long eights = not_above(pivots, value);
    // There is one eight of pivots as a rule.
    for (long more = column->more_pivots; __builtin_expect(more > 0, 0); more--) {
        pivots += 8;
        eights += not_above(pivots, value);
    }
    return (int32_t)(8 * eights + not_above(pivots + 8 + 8 * eights, value));
}

INLINE const struct tidemark_knots *find_knots(
    const struct tidemark_encoding *encoding, long line, const int32_t *places) {
    const struct tidemark_line *found = encoding->lines + line;
    return encoding->knots + (found->start + places[found->column]);
}

INLINE void encode(
    const double *row, const struct tidemark_encoding *encoding, int32_t *places, int32_t *indices, double *values) {
    for (long c = 0; c < encoding->column_count; c++) {
        places[c] = place(encoding->columns + c, row[encoding->columns[c].column]);
    }
    long one_hot = encoding->one_hot_count, lines = encoding->line_count, line = 0;
    for (long entry = 0; entry < one_hot; entry++) {
        const struct tidemark_lookup *found = encoding->one_hot + entry;
        indices[entry] = encoding->numbers[found->start + places[found->column]];
        values[entry] = 1;
    }
    indices += one_hot;
    values += one_hot;
    // Four divisions cost as much as one.
    for (; line + 4 <= lines; line += 4) {
        const struct tidemark_knots *knots[4];
        double raw[4];
        for (int i = 0; i < 4; i++) {
            knots[i] = find_knots(encoding, line + i, places);
            raw[i] = row[encoding->lines[line + i].feature];
            memcpy(indices + 2 * (line + i), &knots[i]->low, 2 * sizeof(int32_t));
        }
        four value = {raw[0], raw[1], raw[2], raw[3]};
        four edge = {knots[0]->edge, knots[1]->edge, knots[2]->edge, knots[3]->edge};
        four width = {knots[0]->width, knots[1]->width, knots[2]->width, knots[3]->width};
        four share = (value - edge) / width, rest = 1 - share;
        SET_FOUR(values, 2 * line, ((four){rest[0], share[0], rest[1], share[1]}));
        SET_FOUR(values, 2 * line + 4, ((four){rest[2], share[2], rest[3], share[3]}));
    }
    for (; line < lines; line++) {
        const struct tidemark_knots *knots = find_knots(encoding, line, places);
        double share = (row[encoding->lines[line].feature] - knots->edge) / knots->width;
        memcpy(indices + 2 * line, &knots->low, 2 * sizeof(int32_t));
        values[2 * line] = 1 - share;
        values[2 * line + 1] = share;
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

// The entries of many rows: those of one kind side by side, entry k of row r at k·stride + r, so that what is looked up for
// it stays near.

INLINE void locate_rows(
    const double *const *rows, long count, const struct tidemark_encoding *encoding, double *raw, int32_t *places) {
    for (long c = 0; c < encoding->column_count; c++, raw += count, places += count) {
        const struct tidemark_edges column = encoding->columns[c];
        for (long r = 0; r < count; r++) {
            raw[r] = rows[r][column.column];
            places[r] = place(&column, raw[r]);
        }
    }
}

INLINE void encode_rows(
    const double *const *rows, long count, const struct tidemark_encoding *encoding, double *raw, int32_t *places,
    long stride, int32_t *indices, double *values) {
    locate_rows(rows, count, encoding, raw, places);
    for (long entry = 0; entry < encoding->one_hot_count; entry++, indices += stride, values += stride) {
        const struct tidemark_lookup *found = encoding->one_hot + entry;
        const int32_t *numbers = encoding->numbers + found->start, *place = places + found->column * count;
        for (long r = 0; r < count; r++) {
            indices[r] = numbers[place[r]];
            values[r] = 1;
        }
    }
    for (long line = 0; line < encoding->line_count; line++, indices += 2 * stride, values += 2 * stride) {
        const struct tidemark_line *found = encoding->lines + line;
        const struct tidemark_knots *knots = encoding->knots + found->start;
        const int32_t *place = places + found->column * count;
        const double *value = raw + found->column * count;
        long r = 0;
        for (; r + 4 <= count; r += 4) {
            const struct tidemark_knots *k[4];
            for (int i = 0; i < 4; i++) {
                k[i] = knots + place[r + i];
                indices[r + i] = k[i]->low;
                indices[stride + r + i] = k[i]->high;
            }
            four edge = {k[0]->edge, k[1]->edge, k[2]->edge, k[3]->edge};
            four width = {k[0]->width, k[1]->width, k[2]->width, k[3]->width};
            four share = (FOUR(value, r) - edge) / width;
            SET_FOUR(values, r, 1 - share);
            SET_FOUR(values, stride + r, share);
        }
        for (; r < count; r++) {
            const struct tidemark_knots *k = knots + place[r];
            double share = (value[r] - k->edge) / k->width;
            indices[r] = k->low;
            indices[stride + r] = k->high;
            values[r] = 1 - share;
            values[stride + r] = share;
        }
    }
}

#define WEIGHTS(all) ((four){(all)[index[r]], (all)[index[r + 1]], (all)[index[r + 2]], (all)[index[r + 3]]})

/// The products of each row as `sparse_products` takes them: the rows' sums are five for each, by entry mod 4, and that of the
/// entries behind the last four.
INLINE void products_of_rows(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
    const double *others, double *results, double *other_results, const int both) {
    double sums[5][ROWS_AT_ONCE], other_sums[5][ROWS_AT_ONCE];
    for (long start = 0; start < count; start += ROWS_AT_ONCE) {
        long rows = count - start < ROWS_AT_ONCE ? count - start : ROWS_AT_ONCE;
        memset(sums, 0, sizeof sums);
        if (both) memset(other_sums, 0, sizeof other_sums);
        for (long k = 0; k < entries; k++) {
            const int32_t *index = indices + k * stride + start;
            const double *value = values + k * stride + start;
            long place = k < (entries & ~3L) ? k & 3 : 4, r = 0;
            double *sum = sums[place], *other_sum = other_sums[place];
            for (; r + 4 <= rows; r += 4) {
                SET_FOUR(sum, r, FOUR(sum, r) + FOUR(value, r) * WEIGHTS(weights));
                if (both) SET_FOUR(other_sum, r, FOUR(other_sum, r) + FOUR(value, r) * WEIGHTS(others));
            }
            for (; r < rows; r++) {
                sum[r] += value[r] * weights[index[r]];
                if (both) other_sum[r] += value[r] * others[index[r]];
            }
        }
        for (long r = 0; r < rows; r++) {
            results[start + r] = ((sums[0][r] + sums[1][r]) + (sums[2][r] + sums[3][r])) + sums[4][r];
            if (!both) continue;
            other_results[start + r] =
                ((other_sums[0][r] + other_sums[1][r]) + (other_sums[2][r] + other_sums[3][r])) + other_sums[4][r];
        }
    }
}

INLINE void sparse_rows(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
    double *results) {
    products_of_rows(indices, values, entries, stride, count, weights, 0, results, 0, 0);
}

INLINE void sparse_rows_of_both(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
    const double *others, double *results, double *other_results) {
    products_of_rows(indices, values, entries, stride, count, weights, others, results, other_results, 1);
}

/// Without a branch that depends on the entries. Where most weights may be touched they are looked for at the end.
INLINE long sparse_gradient(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *errors,
    double *sums, int32_t *rows, int32_t *touched, long weight_count) {
    long found = 0;
    const int is_dense = weight_count <= 4 * entries * count;
    for (long r = 0; r < count; r++) {
        const int32_t *index = indices + r;
        const double *value = values + r, error = errors[r];
        for (long k = 0; k < entries; k++, index += stride, value += stride) {
            if (!is_dense) {
                touched[found] = *index;
                found += rows[*index] == 0;
            }
            rows[*index]++;
            sums[*index] += error * *value;
        }
    }
    if (!is_dense) return found;
    for (long weight = 0; weight < weight_count; weight++) {
        touched[found] = (int32_t)weight;
        found += rows[weight] != 0;
    }
    return found;
}

WIDE_KERNEL(
    void, encode,
    (const double *row, const struct tidemark_encoding *encoding, int32_t *places, int32_t *indices, double *values),
    (row, encoding, places, indices, values))
KERNEL(
    double, sparse_dot, (const int32_t *indices, const double *values, long count, const double *weights),
    (indices, values, count, weights))
KERNEL(
    void, sparse_dots,
    (const int32_t *indices, const double *values, long count, const double *weights, const double *others,
     double *result, double *other_result),
    (indices, values, count, weights, others, result, other_result))
WIDE_KERNEL(
    void, encode_rows,
    (const double *const *rows, long count, const struct tidemark_encoding *encoding, double *raw, int32_t *places,
     long stride, int32_t *indices, double *values),
    (rows, count, encoding, raw, places, stride, indices, values))
KERNEL(
    void, sparse_rows,
    (const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
     double *results),
    (indices, values, entries, stride, count, weights, results))
KERNEL(
    void, sparse_rows_of_both,
    (const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
     const double *others, double *results, double *other_results),
    (indices, values, entries, stride, count, weights, others, results, other_results))
KERNEL(
    long, sparse_gradient,
    (const int32_t *indices, const double *values, long entries, long stride, long count, const double *errors,
     double *sums, int32_t *rows, int32_t *touched, long weight_count),
    (indices, values, entries, stride, count, errors, sums, rows, touched, weight_count))
