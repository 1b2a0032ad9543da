/* Linear readouts of a window's pooled features; the twin of edge/record_head.py. */
#ifndef LEADONE_RECORD_HEAD_H
#define LEADONE_RECORD_HEAD_H

#include "pooling.h"

enum { LO_RHYTHMS = 4 };

/* An output's weights are those of all channels' means, then of their maxima, then spreads. */
typedef struct {
  const float *rhythm_weights; /* (4, features) */
  const float *rhythm_bias;
  const float *finding_weights; /* (findings, features) */
  const float *finding_bias;
  uint16_t features;
  uint8_t findings; /* at most LEADONE_MOST_FINDINGS */
} lo_record_head;

/* Logits (4,) of the rhythms, and of each finding as far as the network tells it. */
void lo_read_window(const lo_record_head *head, const lo_pool *pool, lo_pool_window window,
                    float *rhythm_logits, float *findings);

#endif
