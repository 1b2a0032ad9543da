/* What is going on, since when: opens and closes episodes as alerts; the twin of edge/episodes.py. */
#ifndef LEADONE_EPISODES_H
#define LEADONE_EPISODES_H

#include "core.h"
#include "leadone.h"

enum { LO_ALERTS_WAITING = 10 }; /* a beat or a second brings no more */

#define LO_AS_THE_BEATS (-1.0f) /* of a confidence: the mean of the beats that an alert stands on */

typedef struct {
  double at_s, start_s, end_s;
  float confidence;
  int32_t kind;
} lo_said;

typedef struct {
  const leadone_limits *limits;
  double since_s[LEADONE_ALERTS]; /* the start of an open one, else the end of the last one */
  lo_said waiting[LO_ALERTS_WAITING];
  uint16_t open, ended; /* a bit a kind */
  uint8_t waiting_count;
} lo_episodes;

extern const leadone_limits lo_default_limits;

/* Whether every limit can be held to. */
bool lo_limits_hold(const leadone_limits *limits);

void lo_episodes_init(lo_episodes *episodes, const leadone_limits *limits);

/* Open an episode unless it is open or one has just ended; close it if it is open. */
void lo_episodes_open(lo_episodes *episodes, leadone_alert_kind kind, double start_s, double at_s,
                      float confidence);
void lo_episodes_close(lo_episodes *episodes, leadone_alert_kind kind, double end_s, double at_s,
                       float confidence);
bool lo_episodes_is_open(const lo_episodes *episodes, leadone_alert_kind kind);

/* The episode that began first, by name where several did; whether there is one. */
bool lo_episodes_first_open(const lo_episodes *episodes, leadone_alert_kind *kind);

/* The next alert that waits, without its RR intervals, if there is one. */
bool lo_episodes_take(lo_episodes *episodes, leadone_alert *alert);

#endif
