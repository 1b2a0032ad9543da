/* See field.h. Speed does not matter and nothing is secret: a signature is checked once a boot. */
#include "field.h"

/* a + value, where 2^256 counts as 38. */
static void fold(field *a, uint64_t value) {
  while (value) {
    value *= 38;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      value += a->words[k];
      a->words[k] = (uint32_t)value;
      value >>= 32;
    }
  }
}

void field_add(field *out, const field *a, const field *b) {
  uint64_t carry = 0;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
    carry += (uint64_t)a->words[k] + b->words[k];
    out->words[k] = (uint32_t)carry;
    carry >>= 32;
  }
  fold(out, carry);
}

void field_subtract(field *out, const field *a, const field *b) {
  int64_t borrow = 0;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
    borrow += (int64_t)a->words[k] - b->words[k];
    out->words[k] = (uint32_t)borrow;
    borrow >>= 32;
  }
  while (borrow) {
    borrow = -38;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      borrow += out->words[k];
      out->words[k] = (uint32_t)borrow;
      borrow >>= 32;
    }
  }
}

void field_multiply(field *out, const field *a, const field *b) {
  uint32_t wide[2 * FIELD_WORDS] = {0};
  for (uint32_t i = 0; i < FIELD_WORDS; ++i) {
    uint64_t carry = 0;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      carry += (uint64_t)a->words[i] * b->words[k] + wide[i + k];
      wide[i + k] = (uint32_t)carry;
      carry >>= 32;
    }
    wide[i + FIELD_WORDS] = (uint32_t)carry;
  }
  uint64_t carry = 0;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
    carry += wide[k] + (uint64_t)38 * wide[k + FIELD_WORDS];
    out->words[k] = (uint32_t)carry;
    carry >>= 32;
  }
  fold(out, carry);
}

void field_power(field *out, const field *a, uint32_t bits, uint32_t rest) {
  const field base = *a;
  *out = base; /* the highest bit; below it are ones, and the last five of `rest` */
  for (uint32_t bit = bits - 1; bit-- > 0;) {
    field_multiply(out, out, out);
    if (bit >= 5 || rest >> bit & 1) field_multiply(out, out, &base);
  }
}

void field_reduce(field *a) {
  for (uint32_t pass = 0; pass < 2; ++pass) {
    const uint32_t high = a->words[FIELD_WORDS - 1] >> 31;
    a->words[FIELD_WORDS - 1] &= 0x7fffffffu;
    uint64_t carry = 19 * high;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      carry += a->words[k];
      a->words[k] = (uint32_t)carry;
      carry >>= 32;
    }
  }
  field more = *a; /* beyond the modulus, 19 more reach 2^255 */
  uint64_t carry = 19;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
    carry += more.words[k];
    more.words[k] = (uint32_t)carry;
    carry >>= 32;
  }
  if (more.words[FIELD_WORDS - 1] >> 31) {
    *a = more;
    a->words[FIELD_WORDS - 1] &= 0x7fffffffu;
  }
}

bool field_equal(const field *a, const field *b) {
  field difference;
  field_subtract(&difference, a, b);
  field_reduce(&difference);
  uint32_t any = 0;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) any |= difference.words[k];
  return any == 0;
}
