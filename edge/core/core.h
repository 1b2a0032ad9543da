/* What every file of the core shares: the clock, the labels, the few functions a libc would give.
 *
 * C99, no heap, no libc: only <stdint.h>, <stddef.h> and <stdbool.h>. Samples are float32 mV, NaN
 * where missing; positions and times of events are double (a few operations a beat), all else is
 * float32 or integers. The files are
 * the twins of edge/NAME.py and keep its names. Built with -ffp-contract=off, so that every target
 * gives the same bits.
 */
#ifndef LEADONE_CORE_H
#define LEADONE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LO_RATE_HZ 250
#define LO_WAVE_FRAME_SAMPLES 2
#define LO_BEAT_FRAME_SAMPLES 8
#define LO_HOP_SAMPLES 16
#define LO_INPUTS 2 /* of the network: the lead in a wide and in a fine range */
#define LO_LOOKAHEAD_SAMPLES 144
#define LO_MAX_RR_S 3.0 /* a longer gap is a pause or lost signal, not a rhythm */

enum { LO_NONE, LO_P, LO_QRS, LO_T };
enum { LO_N, LO_S, LO_V, LO_Q };
enum { LO_NORMAL, LO_AF, LO_OTHER, LO_NOISE };

/* Before a loop that is worth a few bytes where the rest is compiled small. */
#ifdef __clang__
#define LO_FOUR_AT_A_TIME _Pragma("clang loop unroll_count(4)")
#else
#define LO_FOUR_AT_A_TIME
#endif

static inline int32_t lo_minimum(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t lo_maximum(int32_t a, int32_t b) { return a > b ? a : b; }

static inline bool lo_finite(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return (bits & 0x7f800000u) != 0x7f800000u;
}

/* To the nearest, halves to even; of less than 2^23. */
static inline float lo_round_evenf(float x) {
  const float shift = x < 0 ? -8388608.0f : 8388608.0f;
  return (x + shift) - shift;
}

/* x * factor / 2^30, to the nearest. */
static inline int64_t lo_scaled_by(int64_t x, int32_t factor) {
  const int64_t low = (int64_t)(uint32_t)x * factor + (1 << 29);
  return (x >> 32) * factor * 4 + (low >> 30);
}

/* numbers.c: accurate to 2 units in the last place where tests/edge/core/test_core_numbers.py looks. */
float lo_expf(float x);
float lo_logf(float x); /* of a positive, normal number */
float lo_sqrtf(float x);
double lo_floor(double x); /* of less than 2^51, as is the next */
double lo_round_even(double x); /* to the nearest, halves to even, as Python's round() */
void lo_sort(float *values, int32_t n);
float lo_median(float *values, int32_t n); /* sorts; the mean of the middle two if n is even */

#endif
