#pragma once

#include "row_kernels.h"

#pragma STDC FP_CONTRACT OFF

// Four doubles wherever they lie. Each kernel is written once and compiled for AVX2, for any processor, and where it gains
// by that for AVX-512; all give the same bits.
typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t four_words __attribute__((vector_size(32)));

#define FOUR(pointer, index) (*(const four *)((pointer) + (index)))
#define SET_FOUR(pointer, index, value) (*(four *)((pointer) + (index)) = (value))
#define EACH(number) ((four){number, number, number, number})
#define CHOOSE(mask, a, b) ((four)(((four_words)(a) & (mask)) | ((four_words)(b) & ~(mask))))
#define INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define VARIANT(features, suffix, result, name, parameters, arguments) \
    __attribute__((target(features))) static result name##suffix parameters { return name arguments; }
#define AVX2(result, name, parameters, arguments) VARIANT("avx2,fma,popcnt", _avx2, result, name, parameters, arguments)
#define AVX512(result, name, parameters, arguments) \
    VARIANT("avx2,fma,popcnt,bmi,bmi2,avx512f,avx512vl,avx512dq,avx512bw", _avx512, result, name, parameters, arguments)
#define HAS(feature) __builtin_cpu_supports(feature)

/// `tidemark_name`, which calls the inlined function `name` as it was compiled for this processor.
#define KERNEL(result, name, parameters, arguments)                           \
    AVX2(result, name, parameters, arguments)                                 \
    result tidemark_##name parameters {                                       \
        if (HAS("avx2") && HAS("fma")) return name##_avx2 arguments;          \
        return name arguments;                                                \
    }

/// The same of a kernel that is worth a version for AVX-512.
#define WIDE_KERNEL(result, name, parameters, arguments)                      \
    AVX512(result, name, parameters, arguments)                               \
    AVX2(result, name, parameters, arguments)                                 \
    result tidemark_##name parameters {                                       \
        if (HAS("avx512f") && HAS("avx512vl") && HAS("avx512dq") && HAS("avx512bw") && HAS("bmi") && HAS("bmi2")) \
            return name##_avx512 arguments;                                   \
        if (HAS("avx2") && HAS("fma")) return name##_avx2 arguments;          \
        return name arguments;                                                \
    }
#else
#define KERNEL(result, name, parameters, arguments) \
    result tidemark_##name parameters { return name arguments; }
#define WIDE_KERNEL KERNEL
#endif
