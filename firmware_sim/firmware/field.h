/* Integers modulo 2^255 - 19, the field of Curve25519; any value below 2^256 stands for its class. */
#ifndef FIRMWARE_FIELD_H
#define FIRMWARE_FIELD_H

#include <stdbool.h>
#include <stdint.h>

enum { FIELD_WORDS = 8, FIELD_BYTES = 32 };

typedef struct {
  uint32_t words[FIELD_WORDS]; /* the lowest first */
} field;

/* An output may be an input. */
void field_add(field *out, const field *a, const field *b);
void field_subtract(field *out, const field *a, const field *b);
void field_multiply(field *out, const field *a, const field *b);

/* a to the power of 2^bits - 32 + rest. */
void field_power(field *out, const field *a, uint32_t bits, uint32_t rest);

/* The one value below 2^255 - 19. */
void field_reduce(field *a);
bool field_equal(const field *a, const field *b);

#endif
