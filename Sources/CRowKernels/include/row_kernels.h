#pragma once

#include <stdint.h>

// Kernels over the columns of one row, or over rows, several numbers at a time. The order of additions is fixed, and nothing
// is fused but in ln(1 + x), where it is everywhere, so that every processor gives the same bits; one with AVX2 takes half the
// instructions.

/// Σ aᵢ·bᵢ.
double tidemark_dot(const double *a, const double *b, long count);

/// Σ (rowᵢ − centreᵢ)·weightᵢ.
double tidemark_centred_dot(const double *row, const double *centre, const double *weights, long count);

/// Σ (aᵢ − bᵢ)².
double tidemark_squared_distance(const double *a, const double *b, long count);

/// targetᵢ = (rowᵢ − centreᵢ)·factorᵢ; target may be row.
void tidemark_scale(const double *row, const double *centre, const double *factors, long count, double *target);

/// targetᵢ += factor·rowᵢ.
void tidemark_add(const double *row, double factor, long count, double *target);

/// sumᵢ += rowᵢ − originᵢ, and squareᵢ += (rowᵢ − originᵢ)².
void tidemark_add_differences(const double *row, const double *origin, long count, double *sums, double *squares);

/// Sorts each of the four columns of `count` rows in ascending order. No value is not a number.
void tidemark_sort(double *rows, long count);

/// Merges two runs of rows that lie one behind the other, of which each of the four columns is in ascending order.
void tidemark_merge(double *rows, long first, long count);

/// Each value becomes ln(1 + max(value, 0)), with an error below one unit in the last place. No value is not a number or
/// infinite.
void tidemark_log1p_each(double *values, long count);

/// A column's ascending edges as they are searched: numbers in eights, every eighth edge from the ninth on, filled up with
/// infinity, at least one eight; behind them all edges, filled up likewise.
struct tidemark_edges {
    const double *pivots;
    int32_t column;
    /// Eights of pivots behind the first.
    int32_t more_pivots;
};

/// A number for each place of a column, from `start` on among `numbers`.
struct tidemark_lookup {
    int32_t column;
    int32_t start;
};

/// A broken line through a feature: its knots for each place of its column, from `start` on among `knots`.
struct tidemark_line {
    int32_t column;
    int32_t feature;
    int32_t start;
};

/// The two weights that a value is shared by, and where their knots lie: the second one's share is
/// (value − edge)/width, where there is no second 0 since the width is infinite.
struct tidemark_knots {
    int32_t low;
    int32_t high;
    double edge;
    double width;
};

/// How the sparse entries of a row are found. Each of `columns` is searched once; what follows from a value's place among its
/// edges is looked up.
struct tidemark_encoding {
    const struct tidemark_edges *columns;
    const int32_t *numbers;
    const struct tidemark_knots *knots;
    const struct tidemark_lookup *one_hot;
    const struct tidemark_line *lines;
    int32_t column_count;
    int32_t one_hot_count;
    int32_t line_count;
};

/// For each column of the encoding the number of its edges that are not above the row's value, which is below infinity; then
/// an entry of value 1 for each one-hot feature, and two for each broken line.
void tidemark_encode(
    const double *row, const struct tidemark_encoding *encoding, int32_t *places, int32_t *indices, double *values);

/// Σ valueₖ·weight[indexₖ] over the entries whose index is not negative; others may hold any finite value. Entry k is added
/// to sum k mod 4, what is behind the last four comes last.
double tidemark_sparse_dot(const int32_t *indices, const double *values, long count, const double *weights);

/// The same of two vectors of weights.
void tidemark_sparse_dots(
    const int32_t *indices, const double *values, long count, const double *weights, const double *others,
    double *result, double *other_result);

// The sparse entries of many rows, those of one kind side by side: entry k of row r stands at k·stride + r, so that the numbers
// looked up for entries of one kind stay near. What is not active has the index of a weight that is 0.

/// The same as `tidemark_encode` gives for each row. `raw` and `places` take `count` numbers for each column.
void tidemark_encode_rows(
    const double *const *rows, long count, const struct tidemark_encoding *encoding, double *raw, int32_t *places,
    long stride, int32_t *indices, double *values);

/// What `tidemark_sparse_dot` gives for each row, in the same order of additions.
void tidemark_sparse_rows(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
    double *results);

/// The same of two vectors of weights.
void tidemark_sparse_rows_of_both(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *weights,
    const double *others, double *results, double *other_results);

/// Adds each row's values times its error to the sums of their weights, row by row, and counts in how many entries each weight
/// is, of none so far. Those that are in some become the touched; there is room for one more than all weights.
/// - Returns: how many are touched.
long tidemark_sparse_gradient(
    const int32_t *indices, const double *values, long entries, long stride, long count, const double *errors,
    double *sums, int32_t *rows, int32_t *touched, long weight_count);

/// FTRL-Proximal, "Ad Click Prediction: a View from the Trenches" (2013), algorithm 1.
struct tidemark_ftrl_rule {
    double alpha;
    double beta;
    double l1;
    double l2;
};

/// Steps each of the touched weights by its gradient; z and the sum of squares are its own too. What a weight moved by, over
/// the scale, is added to its lag, unless lag is null.
void tidemark_ftrl(
    const struct tidemark_ftrl_rule *rule, const int32_t *touched, long count, const double *gradient, double *weights,
    double *z, double *squares, double scale, double *lag);
