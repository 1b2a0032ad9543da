/* What a libc would give, the same bits everywhere. */
#include "core.h"

static float of_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* 2^n e^r with |r| <= ln 2 / 2; ln 2 in two parts, so that the product with n is exact. */
float lo_expf(float x) {
  if (x < -87.0f) return 0.0f;
  if (x > 88.0f) x = 88.0f;
  const float n = lo_round_evenf(x * 1.44269504f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = (y * r) * r + r + 1.0f;
  return y * of_bits((uint32_t)((int32_t)n + 127) << 23);
}

/* x = 2^n m with m about 1; ln m = 2 artanh((m - 1) / (m + 1)). */
float lo_logf(float x) {
  const uint32_t bits = bits_of(x) - 0x3f3504f3u; /* of sqrt(1/2) */
  const int32_t n = (int32_t)bits >> 23;
  const float m = of_bits((bits & 0x007fffffu) + 0x3f3504f3u);
  const float f = m - 1.0f, s = f / (2.0f + f), z = s * s;
  float y = 0.2392413f;
  y = y * z + 0.28498787f;
  y = y * z + 0.40000972f;
  y = y * z + 0.6666666f;
  const float half = 0.5f * f * f;
  return (float)n * 0.69313812f + (f - (half - (s * (half + y * z) + (float)n * 9.0580006e-6f)));
}

float lo_sqrtf(float x) { return __builtin_sqrtf(x); }

double lo_round_even(double x) {
  const double shift = x < 0 ? -4503599627370496.0 : 4503599627370496.0; /* 2^52 */
  return (x + shift) - shift;
}

double lo_floor(double x) {
  const double rounded = lo_round_even(x);
  return rounded > x ? rounded - 1.0 : rounded;
}

/* Shell's, with Ciura's gaps: short lists, and no recursion on a small stack. */
void lo_sort(float *values, int32_t n) {
  static const uint8_t gaps[] = {132, 57, 23, 10, 4, 1};
  for (size_t g = 0; g < sizeof gaps; ++g) {
    const int32_t gap = gaps[g];
    for (int32_t k = gap; k < n; ++k) {
      const float value = values[k];
      int32_t at = k;
      for (; at >= gap && values[at - gap] > value; at -= gap) values[at] = values[at - gap];
      values[at] = value;
    }
  }
}

float lo_median(float *values, int32_t n) {
  lo_sort(values, n);
  const int32_t middle = n / 2;
  return n % 2 ? values[middle] : 0.5f * (values[middle - 1] + values[middle]);
}
