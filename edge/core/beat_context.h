/* How a beat differs in time and in shape from those before it; the twin of edge/beat_context.py. */
#ifndef LEADONE_BEAT_CONTEXT_H
#define LEADONE_BEAT_CONTEXT_H

#include "beat_model.h"
#include "network.h"

enum { LO_RR_BEATS = 12, LO_ALIKE_BEATS = 10 };
enum { LO_QRS_FROM = -25, LO_QRS_LENGTH = 61, LO_TAIL_FROM = 25, LO_TAIL_LENGTH = 66 };
enum { LO_FARTHEST_SHIFT = 4, LO_BEHIND_R = LO_FARTHEST_SHIFT - LO_QRS_FROM };
enum { LO_AROUND = LO_BEHIND_R + LO_TAIL_FROM + LO_TAIL_LENGTH };

/* The last few values of something. */
typedef struct {
  float values[LO_RR_BEATS];
  uint8_t count, next;
} lo_recent;

typedef struct {
  double last_r;
  float last_rr; /* 0 of none */
  lo_recent rr, changes, widths, heights, nets, v, s;
  int16_t qrs[LO_QRS_LENGTH], tail[LO_TAIL_LENGTH]; /* the template, in 1/1024 mV */
  int8_t shapes[LO_ALIKE_BEATS][LO_QRS_LENGTH];   /* of length 127 */
  uint8_t seen, next_shape, unusual;
  uint8_t beats;  /* up to LO_RR_BEATS */
  uint16_t has_p; /* a bit for each of those, the last one lowest */
  bool has_last, has_template;
} lo_beat_context;

void lo_beat_context_init(lo_beat_context *context);

/* The features of the next beat but the last two; it then belongs to the past. `r` is its R peak and
 * `width` its QRS's, in samples; `net_mv` the QRS's highest plus lowest deflection; `around` the
 * signal in mV from LO_BEHIND_R samples before round(r) on.
 */
void lo_beat_context_features(lo_beat_context *context, double r, double width, float net_mv,
                              bool has_p, const float around[LO_AROUND],
                              float features[LO_BEAT_FEATURES]);

/* The last two, of the network's logits at its R peak: of each beat once, in their order. */
void lo_beat_context_opinion(lo_beat_context *context, const double logits[LO_BEATS],
                             float features[LO_BEAT_FEATURES]);

#endif
