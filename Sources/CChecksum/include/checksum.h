#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of `count` bytes, continuing from `crc` (0 to begin).
/// Uses the processor's instruction where there is one; the result is the same either way.
uint32_t tidemark_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The table-driven version that machines without the instruction use; exposed so that tests compare the two.
uint32_t tidemark_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
