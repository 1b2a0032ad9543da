/* What every file of the core shares: the clock, the labels, the few functions a libc would give.
 *
 * C99, no heap, no libc: only <stdint.h>, <stddef.h> and <stdbool.h>. Samples are float32 mV, NaN
 * where missing; positions and times of events are double (a few operations a beat). The files are
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
#define LO_MAX_RATE_HZ 1000 /* of a device; edge/record.py refuses the same */

enum { LO_NONE, LO_P, LO_QRS, LO_T };
enum { LO_N, LO_S, LO_V, LO_Q };
enum { LO_NORMAL, LO_AF, LO_OTHER, LO_NOISE };

/* numbers.c: accurate to 2 units in the last place where tests/edge/core/test_numbers.py looks. */
float lo_expf(float x);
float lo_logf(float x);
double lo_exp(double x);
double lo_log(double x);
float lo_sqrtf(float x);
double lo_sqrt(double x);
double lo_floor(double x);
double lo_round_even(double x); /* to the nearest, halves to even, as Python's round() */
bool lo_finite(float x);
float lo_median(float *values, int32_t n); /* reorders; the mean of the middle two if n is even */
double lo_median_double(double *values, int32_t n);

#endif
