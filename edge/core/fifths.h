/* What the signal did in each fifth of a second, for the last 5.6 s; the twin of edge/fifths.py. */
#ifndef LEADONE_FIFTHS_H
#define LEADONE_FIFTHS_H

#include "core.h"

#define LO_FIFTHS_PER_SECOND 5

enum { LO_FIFTHS_KEPT = 28 }; /* a pause of 3 s, asked about 1.5 s later and read .6 s late */
enum { LO_FILTERED_IN_FIFTH = LO_RATE_HZ / LO_FIFTHS_PER_SECOND };
enum { LO_FRAMES_IN_FIFTH = LO_FILTERED_IN_FIFTH / LO_WAVE_FRAME_SAMPLES };

/* Raw samples: of the valid ones the extremes, low > high where there is none. */
typedef struct {
  float low, high;
  int32_t valid, count;
} lo_raw_facts;

/* Filtered samples in 1/1024 mV: extremes, of all and of the fifths, how many deflect by more than
 * two limits, and how many the notches changed.
 */
typedef struct {
  int32_t low, high, highest_low, lowest_high, hiss, muscle, mains, count;
} lo_filtered_facts;

/* Frames of the network's output. */
typedef struct {
  uint32_t certainty;
  int32_t qrs, count;
} lo_frame_facts;

typedef struct {
  double rate_hz;
  int32_t raw_fifth, raw_left; /* the fifth that is not over, and its samples to come */
  int32_t filtered, frames;    /* received */
  float low[LO_FIFTHS_KEPT], high[LO_FIFTHS_KEPT];
  uint16_t valid[LO_FIFTHS_KEPT], count[LO_FIFTHS_KEPT];
  int16_t filtered_low[LO_FIFTHS_KEPT], filtered_high[LO_FIFTHS_KEPT];
  uint8_t hiss[LO_FIFTHS_KEPT], muscle[LO_FIFTHS_KEPT], mains[LO_FIFTHS_KEPT];
  uint32_t certainty[LO_FIFTHS_KEPT];
  uint8_t qrs[LO_FIFTHS_KEPT];
} lo_fifths;

void lo_fifths_init(lo_fifths *fifths, double rate_hz);
void lo_fifths_push_raw(lo_fifths *fifths, float mv);
void lo_fifths_push_filtered(lo_fifths *fifths, int16_t y, bool hisses, bool is_muscle,
                             bool is_mains);
void lo_fifths_push_frame(lo_fifths *fifths, uint16_t certainty, bool is_qrs);

/* From one time to another, both to the nearest fifth, as far as they are kept. */
lo_raw_facts lo_raw_between(const lo_fifths *fifths, double start_s, double end_s);
lo_filtered_facts lo_filtered_between(const lo_fifths *fifths, double start_s, double end_s);
lo_frame_facts lo_frames_between(const lo_fifths *fifths, double start_s, double end_s);

#endif
