/* CRC-32 (IEEE 802.3, as zlib's), continued from `crc`; 0 begins. */
#ifndef FIRMWARE_CRC32_H
#define FIRMWARE_CRC32_H

#include <stdint.h>

uint32_t crc32(uint32_t crc, const void *bytes, uint32_t count);

#endif
