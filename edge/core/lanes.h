/* The two loops that cost, with the lanes that a processor has: eight dot products of bytes, and
 * the way of eight sums back to bytes. All versions compute the same integers; mve.h and dsp.h have those of
 * a Cortex-M.
 */
#ifndef LEADONE_LANES_H
#define LEADONE_LANES_H

#include "network.h"

static inline int8_t lo_saturated(int32_t value) {
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

/* The rounded high half of a product: on ARM one instruction. */
static inline int32_t lo_high_half(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

/* gemmlowp's two roundings: the high half of a doubled product, then a rounded shift. Sums have 24
 * bits and raised bytes 28, so that doubling them is safe.
 */
static inline int32_t lo_scaled(int32_t total, int32_t value, int32_t shift) {
  if (shift >= 0) return lo_high_half((int32_t)((uint32_t)total << (shift + 1)), value);
  const int32_t high = lo_high_half((int32_t)((uint32_t)total << 1), value);
  const uint32_t half = 1u << (-shift - 1), down = (uint32_t)(high >> 31); /* away from zero */
  return (int32_t)((uint32_t)high + half + down) >> -shift;
}

/* One sum of products as a byte of output channel k. */
static inline int8_t lo_finished(int32_t total, const lo_conv *conv, int32_t k, int8_t zero) {
  const lo_output of = conv->outputs[k];
  return lo_saturated(lo_scaled(total + of.doubled_bias / 2, of.value, ~conv->rights[k]) + zero);
}

#include "mve.h"

#if defined(LO_MVE)
#elif defined(__AVX2__)
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

#define LO_EIGHT_TAPS

/* Sums of eight channels of a depthwise convolution, two taps at a time: bytes of a channel's two
 * taps side by side, in the inputs and in the weights.
 */
static inline void lo_eight_taps(const lo_conv *conv, const int8_t *x, int32_t channels,
                                 const int8_t *w, const int8_t *w_next, int32_t *totals) {
  const __m128i side_by_side = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  const int32_t step = conv->dilation * channels;
  __m256i sums = _mm256_setzero_si256();
  for (int32_t k = 0; k < conv->kernel; k += 2, w += 8, w_next += 8, x += 2 * step) {
    const __m128i one = _mm_loadl_epi64((const __m128i *)x);
    const __m128i other = _mm_loadl_epi64((const __m128i *)(k + 1 < conv->kernel ? x + step : x));
    const __m128i taps = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)w),
                                            _mm_loadl_epi64((const __m128i *)w_next));
    const __m256i inputs = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(one, other));
    const __m256i weights = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(taps, side_by_side));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(inputs, weights));
  }
  _mm256_storeu_si256((__m256i *)totals, sums);
}

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

static inline void lo_finish_eight(const int32_t *totals, const lo_conv *conv, int32_t k,
                                   int8_t zero, int8_t *y) {
  const __m256i pairs = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7); /* biases, then values */
  const __m256i *outputs = (const __m256i *)(conv->outputs + k);
  const __m256i low = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(outputs), pairs);
  const __m256i top = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(outputs + 1), pairs);
  const __m256i bias = _mm256_srai_epi32(_mm256_permute2x128_si256(low, top, 0x20), 1);
  const __m256i of = _mm256_permute2x128_si256(low, top, 0x31);
  const __m128i rights = _mm_loadl_epi64((const __m128i *)(conv->rights + k));
  const __m256i by = _mm256_xor_si256(_mm256_cvtepi8_epi32(rights), _mm256_set1_epi32(-1));
  const __m256i biased = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)totals), bias);
  const __m256i sums = _mm256_add_epi32(lo_scaled_eight(biased, of, by), _mm256_set1_epi32(zero));
  const __m128i high = _mm256_extracti128_si256(sums, 1);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sums), high);
  _mm_storel_epi64((__m128i *)y, _mm_packs_epi16(words, words));
}

#else

static inline void lo_finish_eight(const int32_t *totals, const lo_conv *conv, int32_t k,
                                   int8_t zero, int8_t *y) {
  for (int32_t o = 0; o < 8; ++o) y[o] = lo_finished(totals[o], conv, k + o, zero);
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
