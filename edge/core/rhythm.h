/* Rhythm from the last 30 s of beats and the network's opinion; the twin of edge/rhythm.py. */
#ifndef LEADONE_RHYTHM_H
#define LEADONE_RHYTHM_H

#include "leadone.h"
#include "levels.h"
#include "pooling.h"
#include "record_head.h"

#define LO_TICKS_PER_S 16384
#define LO_CONFIDENCE_STEPS 4095
#define LO_MOSTLY_NOISY 0.5f /* of a window's seconds: beyond it findings are not told, nor AF */

enum { LO_RHYTHM_FEATURES = 29 };
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
  uint16_t packed[LO_BEATS_KEPT]; /* from the top: confidence 12 bits, label 2, told, has T */
  int8_t levels[LO_LEVELS][LO_BEATS_KEPT];
  uint16_t next, count;
} lo_rhythm_beats;

void lo_rhythm_beats_init(lo_rhythm_beats *beats);
void lo_rhythm_beats_push(lo_rhythm_beats *beats, const leadone_beat *beat,
                          const int8_t levels[LO_LEVELS], bool is_told);

/* What an alert stands on: the RR intervals of the last beats told, and the mean of their confidence
 * unless it has its own.
 */
void lo_rhythm_evidence(const lo_rhythm_beats *beats, leadone_alert *alert);

/* In ticks; wraps after 72 h. */
uint32_t lo_ticks(double seconds);

enum { LO_RHYTHM_STEPS = 5 }; /* of the work on one, each once or twice a sample's */

/* A rhythm in the making: of a window's beats and the network's pooled features. */
typedef struct {
  leadone_rhythm rhythm;
  float noisy_share;
  uint8_t step; /* the next; LO_RHYTHM_STEPS when it is made */
} lo_rhythm_work;

void lo_rhythm_begin(lo_rhythm_work *work, double noisy_share, double start_s, double end_s);

/* The next step; beats and pool have to be the same ones in all. */
void lo_rhythm_step(lo_rhythm_work *work, const lo_rhythm_beats *beats, const lo_pool *pool,
                    const lo_record_head *head, const lo_rhythm_model *model);

#endif
