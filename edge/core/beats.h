/* From waves to beats: each QRS with the P before it and the T after it, or without; the twin of
 * edge/beats.py. All positions are in samples at 250 Hz.
 */
#ifndef LEADONE_BEATS_H
#define LEADONE_BEATS_H

#include "beat_context.h"
#include "levels.h"
#include "network.h"
#include "waves.h"

enum { LO_MOST_P_WAVES = 6 };
/* What a beat may need of the past: a QRS of .8 s that a flicker of .4 s held up, read .6 s late. */
enum { LO_SIGNAL_KEPT = 512, LO_LOGITS_KEPT = 84 };

typedef struct {
  double onset, offset;
} lo_stretch;

typedef struct {
  double r;
  lo_stretch qrs, p, t;
  lo_stretch blocked[LO_MOST_P_WAVES];
  float confidence;
  float qrs_mv, p_mv; /* net deflection of the QRS, mean deflection of the P wave */
  uint8_t label, blocked_count;
  int8_t levels[LO_LEVELS];
  bool has_p, has_t;
} lo_beat;

typedef struct {
  lo_stretch wave;
  float mv;
} lo_p_wave;

typedef struct {
  const lo_network_model *network;
  const lo_beat_model *model;
  lo_beat_context context;
  lo_beat pending;
  float evidence[LO_BEAT_FEATURES]; /* of the pending beat */
  double last_r;
  lo_p_wave p_waves[LO_MOST_P_WAVES];
  int32_t heard, logits_heard;
  int16_t signal[LO_SIGNAL_KEPT]; /* a ring, in 1/1024 mV */
  int8_t logits[LO_LOGITS_KEPT][LO_BEATS];
  uint8_t p_count;
  int8_t label; /* of the pending beat, -1 while it is not known */
  bool has_pending;
} lo_beats;

void lo_beats_init(lo_beats *beats, const lo_network_model *network, const lo_beat_model *model);

/* The next filtered sample, ahead of its waves. */
void lo_beats_hear(lo_beats *beats, int16_t filtered);

/* What can be known of the pending beat before its turn: call at samples that bring no wave. */
void lo_beats_prepare(lo_beats *beats);

/* The next frame of beat logits. */
void lo_beats_hear_logits(lo_beats *beats, const int8_t logits[LO_BEATS]);

/* Take the next wave; whether that completes a beat. */
bool lo_beats_step(lo_beats *beats, const lo_wave_run *run, lo_beat *done);

/* Whether the pending beat is complete: no T wave can begin in time any more. */
bool lo_beats_give_up_waiting(lo_beats *beats, double settled, lo_beat *done);

/* The pending beat as it is, if there is one. */
bool lo_beats_finish(lo_beats *beats, lo_beat *done);

#endif
