/* From a beat's features to N, S or V: a network of small layers; the twin of edge/beat_model.py. */
#ifndef LEADONE_BEAT_MODEL_H
#define LEADONE_BEAT_MODEL_H

#include "core.h"

enum { LO_BEAT_FEATURES = 14, LO_BEAT_CLASSES = 3, LO_MOST_UNITS = 32 };

typedef struct {
  const float *weights; /* (out, in) */
  const float *bias;
  uint8_t in, out; /* at most LO_MOST_UNITS */
} lo_layer;

typedef struct {
  const float *mean; /* of the features, and their scale */
  const float *scale;
  const lo_layer *layers;
  uint8_t count;
} lo_beat_model;

/* LO_N, LO_S or LO_V. */
int32_t lo_beat_class(const lo_beat_model *model, const float features[LO_BEAT_FEATURES]);

#endif
