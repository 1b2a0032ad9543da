/* The causal high-pass and notches at 250 Hz; the twin of edge/filters.py.
 *
 * Direct form II transposed, in integers of 2^-44 mV: a float32 state would lose a drifting
 * electrode's offset, and a Cortex-M4 has no doubles. Follows scipy.signal.sosfilt.
 */
#ifndef LEADONE_FILTERS_H
#define LEADONE_FILTERS_H

#include "core.h"

enum { LO_SECTIONS = 3, LO_FILTER_BITS = 44 };

#define LO_STEPS_PER_MV 1024 /* of the filtered signal */
#define LO_LARGEST_STEP 32767

typedef struct {
  int64_t state[LO_SECTIONS][2];
  int32_t removed; /* by the notches from the last sample, in 1/1024 mV */
} lo_filter;

/* At rest: the stream begins at 0. */
void lo_filter_init(lo_filter *filter);

/* One sample in 2^-44 mV; the answer in 1/1024 mV. */
int16_t lo_filter_push(lo_filter *filter, int64_t x);

#endif
