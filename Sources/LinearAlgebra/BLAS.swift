import COpenBLAS

/// The BLAS library in use. Its results depend on the kernel that it picks for the processor, so a checkpoint names it.
public enum BLAS {
    /// Makes every product run on the calling thread. Call once at start: with more threads the order of additions,
    /// and so the last bits, would depend on what else the process does.
    public static func useOneThread() {
        openblas_set_num_threads(1)
        tidemark_end_blas_threads()
    }

    /// The kernel's name and the library's build, such as `SkylakeX OpenBLAS 0.3.21 ...`.
    public static var kernelName: String {
        String(cString: openblas_get_corename()) + " " + String(cString: openblas_get_config())
    }
}
