/* What compilers call for where the processor has no doubles: IEEE 754's to the last bit, in three fifths
 * of the room that zig's own take. Numbers below 2^-1022 are 0.
 *
 * Names and the way arguments come are those of ARM's run-time ABI (IHI 0043): doubles as their bits. An
 * exponent stands beside 64 bits of which the highest is 1: 2^(exponent - 1023) times 1 to 2.
 */
#include <stdbool.h>
#include <stdint.h>

#define SIGN ((uint64_t)1 << 63)
#define INFINITE ((uint64_t)MOST << 52)
#define NOT_A_NUMBER ((uint64_t)0xfff << 51)

enum { MOST = 2047, MIDDLE = 1023 };

uint64_t __aeabi_dadd(uint64_t a, uint64_t b);
uint64_t __aeabi_dsub(uint64_t a, uint64_t b);
uint64_t __aeabi_dmul(uint64_t a, uint64_t b);
uint64_t __aeabi_ddiv(uint64_t a, uint64_t b);
int32_t __aeabi_dcmpeq(uint64_t a, uint64_t b);
int32_t __aeabi_dcmplt(uint64_t a, uint64_t b);
int32_t __aeabi_dcmple(uint64_t a, uint64_t b);
int32_t __aeabi_dcmpgt(uint64_t a, uint64_t b);
int32_t __aeabi_dcmpge(uint64_t a, uint64_t b);
uint64_t __aeabi_l2d(int64_t value);
uint64_t __aeabi_i2d(int32_t value);
uint64_t __aeabi_ui2d(uint32_t value);
uint64_t __aeabi_f2d(uint32_t a);
uint32_t __aeabi_d2f(uint64_t a);
uint32_t __aeabi_l2f(int64_t value);
int64_t __aeabi_d2lz(uint64_t a);
int32_t __aeabi_d2iz(uint64_t a);
uint32_t __aeabi_d2uiz(uint64_t a);

static int32_t exponent_of(uint64_t a) { return (int32_t)(a >> 52) & MOST; }

static uint64_t fraction_of(uint64_t a) { return a << 11 | SIGN; }

/* To the nearest, halves to even; a fraction that is rounded up to 2 carries into the exponent. */
static uint64_t rounded(uint64_t sign, int32_t exponent, uint64_t fraction) {
  if (exponent <= 0) return sign;
  if (exponent >= MOST) return sign | INFINITE;
  const uint64_t kept = fraction >> 11;
  const uint32_t rest = (uint32_t)fraction & 0x7ff;
  const bool up = rest + ((uint32_t)kept & 1) > 0x400;
  return sign | (((uint64_t)(exponent - 1) << 52) + kept + up);
}

static uint32_t rounded_to_float(uint32_t sign, int32_t exponent, uint64_t fraction) {
  if (exponent <= MIDDLE - 127) return sign;
  if (exponent >= MIDDLE + 128) return sign | 0x7f800000u;
  const uint32_t kept = (uint32_t)(fraction >> 40), rest = (uint32_t)(fraction >> 8);
  const bool up = rest > 0x80000000u || (rest == 0x80000000u && ((uint8_t)fraction || kept & 1));
  return sign | (((uint32_t)(exponent - MIDDLE + 126) << 23) + kept + up);
}

static uint64_t normal(uint64_t sign, int32_t exponent, uint64_t fraction) {
  if (fraction == 0) return sign;
  const int32_t zeros = __builtin_clzll(fraction);
  return rounded(sign, exponent - zeros, fraction << zeros);
}

/* |a| >= |b|, so that a number that is none is a. */
static uint64_t sum(uint64_t a, uint64_t b) {
  const int32_t exponent = exponent_of(a), below = exponent - exponent_of(b);
  const bool differ = (a ^ b) >> 63;
  if (exponent == MOST) return differ && a << 1 == b << 1 ? NOT_A_NUMBER : a;
  if (exponent == below) return exponent ? a : a & b & SIGN; /* b is 0 */
  const uint64_t of_a = fraction_of(a) >> 1;
  uint64_t of_b = fraction_of(b) >> 1;
  if (below > 60) { /* what is shifted out is a last bit that says so */
    of_b = 1;
  } else if (below) {
    of_b = of_b >> below | (of_b << (64 - below) != 0);
  }
  if (differ) {
    const uint64_t rest = of_a - of_b;
    return normal(rest ? a & SIGN : 0, exponent + 1, rest);
  }
  const uint64_t total = of_a + of_b;
  return total >> 63 ? rounded(a & SIGN, exponent + 1, total)
                     : rounded(a & SIGN, exponent, total << 1);
}

uint64_t __aeabi_dadd(uint64_t a, uint64_t b) { return a << 1 < b << 1 ? sum(b, a) : sum(a, b); }

uint64_t __aeabi_dsub(uint64_t a, uint64_t b) { return __aeabi_dadd(a, b ^ SIGN); }

/* The higher half of a product; its last bit is 1 where the lower half is not 0. */
static uint64_t product(uint64_t a, uint64_t b) {
  const uint32_t a_low = (uint32_t)a, b_low = (uint32_t)b, a_high = (uint32_t)(a >> 32);
  const uint32_t b_high = (uint32_t)(b >> 32);
  const uint64_t lowest = (uint64_t)a_low * b_low;
  const uint64_t one = (uint64_t)a_high * b_low + (lowest >> 32);
  const uint64_t other = (uint64_t)a_low * b_high + (uint32_t)one;
  const uint64_t high = (uint64_t)a_high * b_high + (one >> 32) + (other >> 32);
  return high | (((uint32_t)lowest | (uint32_t)other) != 0);
}

uint64_t __aeabi_dmul(uint64_t a, uint64_t b) {
  const int32_t of_a = exponent_of(a), of_b = exponent_of(b);
  const uint64_t sign = (a ^ b) & SIGN;
  if (of_a == MOST || of_b == MOST) {
    if (a << 1 > INFINITE << 1 || of_b == 0) return NOT_A_NUMBER;
    if (b << 1 > INFINITE << 1 || of_a == 0) return NOT_A_NUMBER;
    return sign | INFINITE;
  }
  if (of_a == 0 || of_b == 0) return sign;
  return normal(sign, of_a + of_b - MIDDLE + 1, product(fraction_of(a), fraction_of(b)));
}

/* Ten bits of the quotient at a time, each digit at most 1 too small: what is left stays below 2 b. */
static uint64_t quotient(uint64_t a, uint64_t b) {
  const uint32_t divisor = (uint32_t)(b >> 38) + 1;
  uint64_t found = 0;
  for (int32_t k = 0; k < 6; ++k) {
    a <<= 10;
    const uint32_t digit = (uint32_t)(a >> 38) / divisor;
    a -= digit * b;
    found = (found << 10) + digit;
  }
  if (a >= b) a -= b, found += 1;
  return found | (a != 0);
}

uint64_t __aeabi_ddiv(uint64_t a, uint64_t b) {
  const int32_t of_a = exponent_of(a), of_b = exponent_of(b);
  const uint64_t sign = (a ^ b) & SIGN;
  if (of_a == MOST || of_b == MOST || of_b == 0) {
    if (a << 1 > INFINITE << 1 || b << 1 > INFINITE << 1) return NOT_A_NUMBER;
    if (of_a == of_b) return NOT_A_NUMBER;
    return of_b == MOST ? sign : sign | INFINITE;
  }
  if (of_a == 0) return sign;
  return normal(sign, of_a - of_b + MIDDLE + 3, quotient(fraction_of(a) >> 11, fraction_of(b) >> 11));
}

/* -1, 0 or 1 for less, equal or greater; 2 where one is not a number. */
static int32_t compared(uint64_t a, uint64_t b) {
  if (a << 1 > INFINITE << 1 || b << 1 > INFINITE << 1) return 2;
  if ((a | b) << 1 == 0) return 0;
  const int64_t of_a = (int64_t)(a & SIGN ? ~a ^ SIGN : a), of_b = (int64_t)(b & SIGN ? ~b ^ SIGN : b);
  return (of_a > of_b) - (of_a < of_b);
}

int32_t __aeabi_dcmpeq(uint64_t a, uint64_t b) { return compared(a, b) == 0; }
int32_t __aeabi_dcmplt(uint64_t a, uint64_t b) { return compared(a, b) == -1; }
int32_t __aeabi_dcmple(uint64_t a, uint64_t b) { return compared(a, b) <= 0; }
int32_t __aeabi_dcmpgt(uint64_t a, uint64_t b) { return compared(a, b) == 1; }
int32_t __aeabi_dcmpge(uint64_t a, uint64_t b) { return __aeabi_dcmple(b, a); }

static uint64_t magnitude(int64_t value) { return value < 0 ? -(uint64_t)value : (uint64_t)value; }

uint64_t __aeabi_l2d(int64_t value) {
  return normal((uint64_t)value & SIGN, MIDDLE + 63, magnitude(value));
}

uint64_t __aeabi_i2d(int32_t value) { return __aeabi_l2d(value); }

uint64_t __aeabi_ui2d(uint32_t value) { return __aeabi_l2d(value); }

uint32_t __aeabi_l2f(int64_t value) {
  if (value == 0) return 0;
  const uint64_t fraction = magnitude(value);
  const int32_t zeros = __builtin_clzll(fraction);
  const uint32_t sign = value < 0 ? 0x80000000u : 0;
  return rounded_to_float(sign, MIDDLE + 63 - zeros, fraction << zeros);
}

uint64_t __aeabi_f2d(uint32_t a) {
  const uint64_t sign = (uint64_t)(a & 0x80000000u) << 32, rest = a & 0x7fffffffu;
  if (rest < 0x00800000u) return sign;
  return sign | ((rest << 29) + ((uint64_t)(rest < 0x7f800000u ? MIDDLE - 127 : MOST - 255) << 52));
}

uint32_t __aeabi_d2f(uint64_t a) {
  const uint32_t sign = (uint32_t)(a >> 32) & 0x80000000u;
  if (a << 1 > INFINITE << 1) return 0x7fc00000u;
  return rounded_to_float(sign, exponent_of(a), fraction_of(a));
}

/* Towards 0. */
int64_t __aeabi_d2lz(uint64_t a) {
  const int32_t right = MIDDLE + 63 - exponent_of(a);
  if (right > 63) return 0;
  if (right <= 0) return a & SIGN ? INT64_MIN : INT64_MAX;
  const int64_t value = (int64_t)(fraction_of(a) >> right);
  return a & SIGN ? -value : value;
}

int32_t __aeabi_d2iz(uint64_t a) { return (int32_t)__aeabi_d2lz(a); }

uint32_t __aeabi_d2uiz(uint64_t a) { return (uint32_t)__aeabi_d2lz(a); }
