import CChecksum

/// CRC-32C (Castagnoli) of bytes, continuing from `start`.
public func crc32c(_ bytes: UnsafeRawBufferPointer, from start: UInt32 = 0) -> UInt32 {
    tidemark_crc32c(start, bytes.baseAddress, bytes.count)
}
