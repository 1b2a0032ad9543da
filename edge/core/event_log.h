/* Orders and derives: quality stretches, beats, rhythm, alerts; the twin of edge/event_log.py.
 *
 * Every event has a place in time that its content decides, not the chunk it came in.
 */
#ifndef LEADONE_EVENT_LOG_H
#define LEADONE_EVENT_LOG_H

#include "alerts.h"
#include "beats.h"
#include "model.h"
#include "trust.h"

typedef struct {
  const lo_model *model;
  lo_quality *quality;
  const lo_pool *pool;
  lo_alerts alerts;
  lo_trust trust;
  lo_rhythm_beats beats;
  lo_rhythm_work work;
  double stretch_start_s;
  double next_rhythm_s;
  double last_beat_s; /* far away where no pause can begin */
  double off_since_s; /* LEADONE_ABSENT while the lead is on */
  uint64_t noisy;     /* a bit for each of the last 64 seconds that were told */
  uint64_t doubted;   /* and for each with a beat that is not told */
  int8_t stretch;     /* its lo_reason, -1 before the first second */
  uint8_t step;       /* of the end */
  bool watches_polarity;
  bool told_rhythm;
  bool is_working; /* on a rhythm, which comes before all other events */
} lo_event_log;

void lo_event_log_init(lo_event_log *log, const lo_model *model, lo_quality *quality,
                       const lo_pool *pool, const leadone_limits *limits, bool watches_polarity);

/* The next event that is due before `to_s`, if there is one. Where that is a rhythm and `can_wait`, the
 * work on it begins, and there is none until lo_event_log_work has done it.
 */
bool lo_event_log_advance(lo_event_log *log, double to_s, bool can_wait,
                          leadone_event *event);

/* Whether a rhythm is worked on; then the step that follows, and whether it was the last. */
bool lo_event_log_is_busy(const lo_event_log *log);
bool lo_event_log_work(lo_event_log *log);

/* One beat, and what it is made from; whether it is told. What it changes waits. */
bool lo_event_log_beat(lo_event_log *log, const leadone_beat *beat, const lo_beat *draft);

/* The stretch of quality that is not over; false where there is none yet. */
bool lo_event_log_stretch(const lo_event_log *log, leadone_quality *stretch);

/* The record has ended: the next of the seconds, the rhythm and the open episodes left over. */
bool lo_event_log_finish(lo_event_log *log, double end_s, leadone_event *event);

#endif
