/* Rhythm from the last 30 s of beats and the network's opinion; the twin of edge/rhythm.py. */
#ifndef LEADONE_RHYTHM_H
#define LEADONE_RHYTHM_H

#include "leadone.h"
#include "pooling.h"
#include "record_head.h"

#define LO_TICKS_PER_S 16384
#define LO_CONFIDENCE_STEPS 4095

enum { LO_RHYTHM_FEATURES = 26 };
enum { LO_BEATS_KEPT = 128 };

/* Standardisation of the features; weights (4, features), and of the findings (n, features). */
typedef struct {
  const float *mean;
  const float *scale;
  const float *weights;
  const float *bias;
  const float *finding_weights;
} lo_rhythm_model;

/* What the rhythm needs of recent beats, a ring. */
typedef struct {
  uint32_t r[LO_BEATS_KEPT];      /* in ticks of 1/16384 s; wraps after 72 h */
  uint16_t width[LO_BEATS_KEPT];  /* of the QRS, in ticks */
  uint16_t pr[LO_BEATS_KEPT];     /* in ticks; 0 without a P wave */
  uint16_t packed[LO_BEATS_KEPT]; /* from the top: confidence 12 bits, label 2, spare, has T */
  uint16_t next, count;
} lo_rhythm_beats;

void lo_rhythm_beats_init(lo_rhythm_beats *beats);
void lo_rhythm_beats_push(lo_rhythm_beats *beats, const leadone_beat *beat);

/* The rhythm and the findings of a window from its beats and the network's pooled features. */
void lo_classify(const lo_rhythm_beats *beats, double noisy_share, const lo_pool *pool,
                 double start_s, double end_s, const lo_record_head *head,
                 const lo_rhythm_model *model, leadone_rhythm *rhythm);

#endif
