import COpenBLAS

/// The BLAS library in use. Its results depend on the kernel that it picks for the processor, so a checkpoint names it.
public enum BLAS {
    /// Makes every product run on the calling thread: with more threads the order of additions, and so the last bits,
    /// would depend on what else the process does. The first matrix does the same; a call at the start spares the
    /// library's own threads their wait for work. Only the first call does anything, so it disturbs nobody's product.
    public static func useOneThread() { _ = hasOneThread }

    private static let hasOneThread: Bool = {
        openblas_set_num_threads(1)
        tidemark_end_blas_threads()
        return true
    }()

    /// The kernel's name and the library's build, such as `SkylakeX OpenBLAS 0.3.21 ...`.
    public static var kernelName: String {
        String(cString: openblas_get_corename()) + " " + String(cString: openblas_get_config())
    }
}
