#include "kernels.h"

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
