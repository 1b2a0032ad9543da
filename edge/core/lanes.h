/* The two loops that cost, with the lanes that a processor has: eight dot products of bytes, and
 * the way of eight sums back to bytes. All versions compute the same integers.
 */
#ifndef LEADONE_LANES_H
#define LEADONE_LANES_H

#include "network.h"

static inline int8_t lo_saturated(int32_t value) {
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

/* gemmlowp's two roundings: the high half of a doubled product, then a rounded shift. */
static inline int32_t lo_scaled(int32_t total, int32_t value, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = left - shift;
  const int64_t product = (int64_t)(int32_t)((uint32_t)total << left) * value;
  const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
  const int32_t mask = (int32_t)((1u << right) - 1);
  return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0));
}

#if defined(__AVX2__)
#include <immintrin.h>

#if defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__))

#if defined(__AVXVNNI__)
#define LO_DOT_BYTES _mm256_dpbusd_avx_epi32
#else
#define LO_DOT_BYTES _mm256_dpbusd_epi32
#endif

/* One factor has to be unsigned: x + 128, and 128 times the weights is taken off again. */
static inline void lo_dot_of_eight(const int8_t *x, const int8_t *w, int32_t quads,
                                   int32_t totals[8]) {
  const __m256i offset = _mm256_set1_epi8(-128);
  __m256i sums = _mm256_setzero_si256(), excess = sums;
  for (int32_t q = 0; q < quads; ++q, x += 4, w += 32) {
    int32_t bytes;
    __builtin_memcpy(&bytes, x, 4);
    const __m256i weights = _mm256_loadu_si256((const __m256i *)w);
    sums = LO_DOT_BYTES(sums, _mm256_xor_si256(_mm256_set1_epi32(bytes), offset), weights);
    excess = LO_DOT_BYTES(excess, offset, weights);
  }
  _mm256_storeu_si256((__m256i *)totals, _mm256_sub_epi32(sums, excess));
}

#else

static inline void lo_dot_of_eight(const int8_t *x, const int8_t *w, int32_t quads,
                                   int32_t totals[8]) {
  __m256i low = _mm256_setzero_si256(), high = low; /* two halves of each of four outputs */
  for (int32_t q = 0; q < quads; ++q, x += 4, w += 32) {
    int32_t bytes;
    __builtin_memcpy(&bytes, x, 4);
    const __m256i four = _mm256_cvtepi8_epi16(_mm_set1_epi32(bytes));
    const __m256i w_low = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
    const __m256i w_high = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + 16)));
    low = _mm256_add_epi32(low, _mm256_madd_epi16(four, w_low));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(four, w_high));
  }
  const __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xD8);
  _mm256_storeu_si256((__m256i *)totals, sums);
}

#endif

/* Eight sums scaled; even and odd lanes apart, for a product has 64 bits. */
static inline __m256i lo_scaled_eight(__m256i totals, __m256i values, __m256i shifts) {
  const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi64x(1 << 30);
  const __m256i x = _mm256_sllv_epi32(totals, _mm256_max_epi32(shifts, zero));
  const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(zero, shifts), zero);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, values), half);
  const __m256i odd_products =
      _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(values, 32));
  const __m256i odd = _mm256_add_epi64(odd_products, half);
  const __m256i high =
      _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
  const __m256i limit = _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), limit);
  return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}

static inline void lo_finish_eight(const int32_t *totals, const int32_t *values,
                                   const int8_t *shifts, int8_t zero, int8_t *y) {
  const __m256i of = _mm256_loadu_si256((const __m256i *)values);
  const __m256i by = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)shifts));
  const __m256i scaled = lo_scaled_eight(_mm256_loadu_si256((const __m256i *)totals), of, by);
  const __m256i sums = _mm256_add_epi32(scaled, _mm256_set1_epi32(zero));
  const __m128i high = _mm256_extracti128_si256(sums, 1);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sums), high);
  _mm_storel_epi64((__m128i *)y, _mm_packs_epi16(words, words));
}

#else

static inline void lo_finish_eight(const int32_t *totals, const int32_t *values,
                                   const int8_t *shifts, int8_t zero, int8_t *y) {
  for (int32_t k = 0; k < 8; ++k) {
    y[k] = lo_saturated(lo_scaled(totals[k], values[k], shifts[k]) + zero);
  }
}

static inline void lo_dot_of_eight(const int8_t *x, const int8_t *w, int32_t quads,
                                   int32_t totals[8]) {
  for (int32_t o = 0; o < 8; ++o) totals[o] = 0;
  for (int32_t q = 0; q < quads; ++q, x += 4, w += 32) {
    for (int32_t o = 0; o < 8; ++o) {
      const int8_t *of = w + 4 * o;
      totals[o] += x[0] * of[0] + x[1] * of[1] + x[2] * of[2] + x[3] * of[3];
    }
  }
}

#endif
#endif
