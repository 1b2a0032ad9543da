/* Signal quality, second by second: good, or why not; the twin of edge/quality.py. */
#ifndef LEADONE_QUALITY_H
#define LEADONE_QUALITY_H

#include "fifths.h"

typedef struct {
  double missing_share;
  double flat_mv;
  double plateau_s;
  double plateau_above_mv;
  double muscle_mv;
  double hiss_mv;
  double swing_mv;
  double certainty;
  double wander_mv;
  double mains_mv;
  double trust;
} lo_quality_limits;

typedef enum {
  LO_FINE, /* the state is good */
  LO_MISSING, LO_FLAT, LO_DRIFTING, /* lead off */
  LO_CLIPPED, LO_MUSCLE, LO_UNREADABLE, LO_MOTION, /* noisy */
  LO_POWERLINE /* good: the notches take it away */
} lo_reason;

enum { LO_SECONDS_WAITING = 16 }; /* whose verdict is not yet told */

/* A second of raw samples: extremes, and the longest stretch at each. */
typedef struct {
  lo_raw_facts facts;
  int32_t at_low, at_high, longest_low, longest_high;
  int32_t left;
} lo_second;

typedef struct {
  const lo_quality_limits *limits;
  lo_fifths fifths;
  lo_second second; /* the one that is not over */
  int32_t ended, decided, told; /* seconds */
  int32_t hiss_steps, muscle_steps; /* of twice the deflection in 1/1024 mV */
  int32_t mains_steps;
  int16_t tail[6]; /* filtered samples */
  uint8_t reasons[LO_SECONDS_WAITING]; /* of seconds that ended, or their verdict */
} lo_quality;

void lo_quality_init(lo_quality *quality, const lo_quality_limits *limits, double rate_hz);
void lo_quality_push_raw(lo_quality *quality, float mv);

/* The next filtered sample, and what the notches took from it, in 1/1024 mV. */
void lo_quality_push_filtered(lo_quality *quality, int16_t y, int32_t removed);
void lo_quality_push_frame(lo_quality *quality, uint16_t certainty, bool is_qrs);

/* Decide what can be decided. */
void lo_quality_decide(lo_quality *quality);

/* The record has ended: decide the remaining seconds, and a last part of at least half a second. */
void lo_quality_finish(lo_quality *quality);

/* Whether there is a signal around a time in the recent past: present and not flat. */
bool lo_quality_is_on(const lo_quality *quality, double at_s);

/* Whether a recent stretch without a beat could not hide one, nor be a lost electrode. */
bool lo_quality_is_readable(const lo_quality *quality, double start_s, double end_s);

#endif
