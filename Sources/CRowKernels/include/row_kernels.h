#pragma once

#include <stdint.h>

// Kernels over the columns of one row, four at a time. The order of additions is fixed and nothing is fused, so that every
// processor gives the same bits; one with AVX2 takes half the instructions.

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

/// Sorts each of the four columns of `count` rows in ascending order; behind the first `fresh` of them they are already.
/// No value is not a number.
void tidemark_sort_into(double *rows, long fresh, long count);

/// A column's ascending edges as they are searched. From `start` on stand `pivots` numbers: every eighth edge from the ninth
/// on, filled up with infinity to eights, at least one; behind them all edges, filled up likewise.
struct tidemark_edges {
    int64_t column;
    int64_t start;
    int64_t pivots;
};

/// For each of `count` columns the number of its edges that are not above the row's value, which is below infinity.
void tidemark_locate(
    const double *row, const struct tidemark_edges *columns, long count, const double *edges, int32_t *places);

/// Σ valueₖ·weight[indexₖ] over the entries whose index is not negative; others may hold any finite value. Entry k is added
/// to sum k mod 4, what is behind the last four comes last.
double tidemark_sparse_dot(const int32_t *indices, const double *values, long count, const double *weights);

/// The same of two vectors of weights.
void tidemark_sparse_dots(
    const int32_t *indices, const double *values, long count, const double *weights, const double *others,
    double *result, double *other_result);
