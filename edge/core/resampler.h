/* From any device rate to 250 Hz, a sample at a time; the twin of edge/resampler.py.
 *
 * Polyphase windowed sinc without delay. Every tap is read from one table as it is needed: a table
 * of its own for each rate would take more memory than the rest of the core.
 */
#ifndef LEADONE_RESAMPLER_H
#define LEADONE_RESAMPLER_H

#include "core.h"

enum { LO_RAW_BITS = 16 }; /* an input sample is in 2^-16 mV */

typedef struct {
  double seconds_per_output;
  int64_t part;      /* along the table, 1 / up of an input sample, in 2^-32 knots */
  int32_t step;      /* an input sample, in 2^-16 knots */
  int32_t gain;      /* in 2^-30 */
  int32_t up, down;  /* outputs for inputs */
  int32_t half;      /* input samples that an output sees on each side */
  int32_t behind;    /* of the newest input, the last one before the next output */
  int32_t rest;      /* from that to the next output, in 1 / up of an input sample */
  int32_t held;      /* inputs behind the end of the record */
  int32_t at, count; /* of `recent` */
  int32_t *recent;   /* a ring of input samples */
} lo_resampler;

/* Input samples that `recent` has to hold; 0 for a rate outside 50 to 20000 Hz. */
int32_t lo_resampler_inputs(double rate_hz);

/* The past is 0, as the first sample. */
void lo_resampler_init(lo_resampler *resampler, double rate_hz, int32_t *recent);

/* Take the next input sample. */
void lo_resampler_push(lo_resampler *resampler, int32_t x);

/* The record has ended: hold its last sample once more. Call `half` times. */
void lo_resampler_hold(lo_resampler *resampler);

/* The next output in 2^-44 mV, if its inputs are there. */
bool lo_resampler_next(lo_resampler *resampler, int64_t *y);

#endif
