// Four doubles at a time, for kernels over columns that do not depend on each other.

extension UnsafePointer<Double> {
    /// Elements `index` to `index + 3`.
    @inlinable @inline(__always) public func four(at index: Int) -> SIMD4<Double> {
        UnsafeRawPointer(self + index).loadUnaligned(as: SIMD4<Double>.self)
    }
}

extension UnsafeMutablePointer<Double> {
    /// Elements `index` to `index + 3`.
    @inlinable @inline(__always) public func four(at index: Int) -> SIMD4<Double> {
        UnsafeRawPointer(self + index).loadUnaligned(as: SIMD4<Double>.self)
    }

    @inlinable @inline(__always) public func setFour(_ values: SIMD4<Double>, at index: Int) {
        UnsafeMutableRawPointer(self + index).storeBytes(of: values, as: SIMD4<Double>.self)
    }
}
