/* SHA-512 (FIPS 180-4), bytes at a time. */
#ifndef FIRMWARE_SHA512_H
#define FIRMWARE_SHA512_H

#include <stdint.h>

enum { SHA512_BYTES = 64, SHA512_BLOCK_BYTES = 128 };

typedef struct {
  uint64_t state[8];
  uint64_t words[16]; /* the block that fills up, then its schedule */
  uint32_t count;     /* bytes so far */
} sha512;

void sha512_init(sha512 *hash);
void sha512_push(sha512 *hash, const void *bytes, uint32_t count);
void sha512_finish(sha512 *hash, uint8_t digest[SHA512_BYTES]);

#endif
