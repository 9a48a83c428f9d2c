#pragma once

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
