/* Whether a signature is a key's (Ed25519, RFC 8032, 5.1.7): the one that `leadone bundle sign` writes. */
#ifndef FIRMWARE_ED25519_H
#define FIRMWARE_ED25519_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_BYTES = 32, SIGNATURE_BYTES = 64 };

bool ed25519_check(const uint8_t signature[SIGNATURE_BYTES], const uint8_t key[KEY_BYTES],
                   const void *message, uint32_t message_bytes);

#endif
