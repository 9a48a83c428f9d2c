#include "kernels.h"

#define ROOT(x) __builtin_elementwise_sqrt(x)
#define MAGNITUDE(x) __builtin_elementwise_abs(x)

/// FTRL-Proximal's step of four weights.
INLINE void step_four(
    const struct tidemark_ftrl_rule *rule, const double *gradient, double *weights, double *z, double *squares) {
    four g = FOUR(gradient, 0), n = FOUR(squares, 0), sum = n + g * g, root = ROOT(sum);
    four state = FOUR(z, 0) + (g - (root - ROOT(n)) / rule->alpha * FOUR(weights, 0));
    four excess = MAGNITUDE(state) - rule->l1;
    excess = CHOOSE(excess > 0, excess, EACH(0.0));
    SET_FOUR(z, 0, state);
    SET_FOUR(squares, 0, sum);
    // Without an excess the weight is 0 and not −0.
    SET_FOUR(weights, 0, CHOOSE(state < 0, excess, -excess) / ((rule->beta + root) / rule->alpha + rule->l2) + 0.0);
}

INLINE void ftrl(
    const struct tidemark_ftrl_rule *rule, const int32_t *touched, long count, const double *gradient, double *weights,
    double *z, double *squares, double scale, double *lag) {
    for (long start = 0; start < count; start += 4) {
        long length = count - start < 4 ? count - start : 4, at[4];
        double g[4], w[4], old[4], a[4], b[4];
        for (int i = 0; i < 4; i++) {
            // What is missing from the last four is filled up with its last weight.
            at[i] = touched[start + (i < length ? i : length - 1)];
            g[i] = gradient[at[i]];
            w[i] = old[i] = weights[at[i]];
            a[i] = z[at[i]];
            b[i] = squares[at[i]];
        }
        step_four(rule, g, w, a, b);
        four moved = (FOUR(w, 0) - FOUR(old, 0)) / scale;
        for (int i = 0; i < length; i++) {
            weights[at[i]] = w[i];
            z[at[i]] = a[i];
            squares[at[i]] = b[i];
            if (lag) lag[at[i]] += moved[i];
        }
    }
}

KERNEL(
    void, ftrl,
    (const struct tidemark_ftrl_rule *rule, const int32_t *touched, long count, const double *gradient, double *weights,
     double *z, double *squares, double scale, double *lag),
    (rule, touched, count, gradient, weights, z, squares, scale, lag))
