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
#define LO_LOOKAHEAD_SAMPLES 144

enum { LO_NONE, LO_P, LO_QRS, LO_T };
enum { LO_N, LO_S, LO_V, LO_Q };
enum { LO_NORMAL, LO_AF, LO_OTHER, LO_NOISE };

/* numbers.c: accurate to 2 units in the last place where tests/edge/core/test_core_numbers.py looks. */
float lo_expf(float x);
float lo_logf(float x); /* of a positive, normal number */
float lo_sqrtf(float x);
double lo_floor(double x); /* of less than 2^51, as is the next */
double lo_round_even(double x); /* to the nearest, halves to even, as Python's round() */
float lo_round_evenf(float x);  /* of less than 2^23 */
bool lo_finite(float x);
int32_t lo_minimum(int32_t a, int32_t b);
int32_t lo_maximum(int32_t a, int32_t b);
void lo_sort(float *values, int32_t n);
float lo_median(float *values, int32_t n); /* sorts; the mean of the middle two if n is even */
int64_t lo_scaled_by(int64_t x, int32_t factor); /* x * factor / 2^30, to the nearest */

#endif
