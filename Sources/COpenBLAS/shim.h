#include <cblas.h>

// The library's own threads wait busily for work for a while after it has been loaded. It ends them with this before a fork;
// a build without threads lacks it.
int blas_thread_shutdown_(void) __attribute__((weak));

static inline void tidemark_end_blas_threads(void) {
    if (blas_thread_shutdown_) blas_thread_shutdown_();
}
