/* A device's samples in mV in, filtered ones at 250 Hz out; the twin of edge/frontend.py. */
#ifndef LEADONE_FRONTEND_H
#define LEADONE_FRONTEND_H

#include "filters.h"
#include "resampler.h"

typedef struct {
  lo_resampler resampler;
  lo_filter filter;
  float first; /* valid sample, which is taken from all */
  int32_t last;
  bool is_started;
} lo_frontend;

/* `recent` holds lo_resampler_inputs(rate_hz) values. */
void lo_frontend_init(lo_frontend *front, double rate_hz, int32_t *recent);

/* Take a raw sample, NaN where missing: the last one bridges it. */
void lo_frontend_push(lo_frontend *front, float mv);

/* The next filtered sample in 1/1024 mV, if it is complete. */
bool lo_frontend_next(lo_frontend *front, int16_t *y);

/* The network's two inputs, the wide and the fine, from a filtered sample. */
void lo_network_inputs(int16_t filtered, float scale, int8_t zero, int8_t steps[LO_INPUTS]);

#endif
