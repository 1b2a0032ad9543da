/* All numbers that a bundle brings: a generated model.c holds them as constants. */
#ifndef LEADONE_MODEL_H
#define LEADONE_MODEL_H

#include "beat_model.h"
#include "network.h"
#include "quality.h"
#include "record_head.h"
#include "rhythm.h"

typedef struct {
  const char *version; /* name, version and sha256 of the bundle */
  const lo_network_model *network;
  const lo_beat_model *beat_model; /* NULL: a beat is what the network calls it */
  const lo_record_head *record_head;
  const lo_rhythm_model *rhythm;
  lo_quality_limits quality;
} lo_model;

extern const lo_model lo_the_model;

#endif
