#include "kernels.h"

#define FUSED(a, b, c) __builtin_elementwise_fma((four)(a), (four)(b), (four)(c))

/// ln(1 + x) of four values as fdlibm's log1p takes it (FreeBSD's s_log1p.c, 1993), but that each product is added in one
/// rounding: 1 + x = 2^k·(1 + f), and ln(1 + f) = f − f²/2 + s·(f²/2 + R(s²)) with s = f/(2 + f). The GNU C library's
/// version for processors with such an instruction gives the same bits.
INLINE void log1p_four(double *values) {
    four x = CHOOSE(FOUR(values, 0) > 0, FOUR(values, 0), EACH(0.0));
    // Below √2 − 1 k is 0 and f is x.
    four_words is_small = x < 0x1.a827ap-2, is_large = x >= 0x1p53;
    four u = CHOOSE(is_large, x, x + 1);
    four_words bits = (four_words)u, mantissa = bits & 0x000fffffffffffff;
    four_words is_upper = mantissa >= 0x6a09e00000000;
    four exponent = (four)((bits >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
    // What the addition of 1 lost, over u.
    four lost = CHOOSE(exponent > 0, 1 - (u - x), x - (u - 1)) / u;
    lost = CHOOSE(is_large, EACH(0.0), lost);
    four k = exponent + CHOOSE(is_upper, EACH(1.0), EACH(0.0));
    k = CHOOSE(is_small, EACH(0.0), k);
    // From √2 on the mantissa is halved.
    four f = (four)((mantissa | 0x3ff0000000000000) ^ (is_upper & 0x0010000000000000)) - 1;
    f = CHOOSE(is_small, x, f);
    four half = 0.5 * f * f;

    four s = f / (2 + f), z = s * s, z2 = z * z, z4 = z2 * z2, z6 = z2 * z4;
    four series = FUSED(z, EACH(2.857142874366239149e-01), EACH(3.999999999940941908e-01));
    series = FUSED(z, EACH(6.666666666666735130e-01), z2 * series);
    series = FUSED(z4, FUSED(z, EACH(1.818357216161805012e-01), EACH(2.222219843214978396e-01)), series);
    series = FUSED(z6, FUSED(z, EACH(1.479819860511658591e-01), EACH(1.531383769920937332e-01)), series);
    four above = (half + series) * s;
    // Where |f| is below 2⁻²⁰ two terms of the series are enough.
    four_words is_near = ((mantissa < 0x100000000) | (mantissa >= 0xffffd00000000)) & ~is_small;
    four near = FUSED(EACH(-0.66666666666666666), f, EACH(1.0)) * half;

    // k·ln 2 in two parts, of which the first is exact.
    four low = FUSED(k, EACH(1.90821492927058770002e-10), lost);
    four alone = f - CHOOSE(is_near, near, half - above);
    four below = f - CHOOSE(is_near, near - low, half - (low + above));
    four result = CHOOSE(k == 0, alone, FUSED(k, EACH(6.93147180369123816490e-01), below));
    SET_FOUR(values, 0, CHOOSE(x < 0x1p-29, FUSED(x * x, EACH(-0.5), x), result));
}

INLINE void log1p_each(double *values, long count) {
    long i = 0;
    for (; i + 4 <= count; i += 4) log1p_four(values + i);
    if (i == count) return;
    double rest[4] = {0, 0, 0, 0};
    for (long j = i; j < count; j++) rest[j - i] = values[j];
    log1p_four(rest);
    for (long j = i; j < count; j++) values[j] = rest[j - i];
}

WIDE_KERNEL(void, log1p_each, (double *values, long count), (values, count))
