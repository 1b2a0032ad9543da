/* From per-frame wave logits to waves: runs of one class with boundaries between frames; the twin
 * of edge/waves.py. Positions are in samples at 250 Hz.
 */
#ifndef LEADONE_WAVES_H
#define LEADONE_WAVES_H

#include "core.h"

#define LO_CERTAINTY_STEPS 32768
#define LO_HOLD_SAMPLES 100

enum { LO_LONGEST_FRAMES = 100 };

typedef struct {
  double onset, offset;
  uint32_t certainty; /* the sum of its frames' */
  int32_t frames;
  int8_t kind; /* -1 of no run */
} lo_wave_run;

/* Mean probability of the run's class. */
float lo_wave_confidence(const lo_wave_run *run);

/* Softmax probability of the likeliest class, in steps of 1/32768. */
uint16_t lo_winning_probability(const float logits[4]);

/* The first of the largest. */
int32_t lo_likeliest(const float *logits, int32_t n);

typedef struct {
  lo_wave_run open; /* its offset is only known to lo_run_encoder_open */
  int32_t frame;
  float previous[4];
} lo_run_encoder;

void lo_run_encoder_init(lo_run_encoder *encoder);

/* Take a frame's logits and certainty; whether that completes a run. */
bool lo_run_encoder_push(lo_run_encoder *encoder, const float logits[4], uint16_t certainty,
                         lo_wave_run *done);

/* The run that goes on, up to the last frame. */
const lo_wave_run *lo_run_encoder_open(lo_run_encoder *encoder);

/* Drops flicker: a short run vanishes, and two runs of one class around it become one. */
typedef struct {
  lo_wave_run held;
} lo_run_smoother;

void lo_run_smoother_init(lo_run_smoother *smoother);

/* Take the next completed run; whether a run before it can't be extended any more. */
bool lo_run_smoother_push(lo_run_smoother *smoother, const lo_wave_run *run, lo_wave_run *done);

/* Whether the open run is already long enough to end the held one. */
bool lo_run_smoother_release(lo_run_smoother *smoother, const lo_wave_run *open_run,
                             lo_wave_run *done);

/* The last run, if there is one. */
bool lo_run_smoother_finish(lo_run_smoother *smoother, lo_wave_run *done);

#endif
