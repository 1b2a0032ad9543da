/* Alerts by documented rules, with onset, release and duration; the twin of edge/alerts.py. */
#ifndef LEADONE_ALERTS_H
#define LEADONE_ALERTS_H

#include "core.h"
#include "leadone.h"

enum { LO_ALERTS_WAITING = 4 }; /* a beat or a second brings no more */

typedef struct {
  double start_s, crossed_s;
  bool is_set;
} lo_since;

typedef struct {
  const leadone_limits *limits;
  double start_s[LEADONE_ALERTS]; /* of those that are open */
  double r_s[LEADONE_MOST_RATE_BEATS + 1];
  lo_since since[2]; /* slow, fast */
  leadone_alert waiting[LO_ALERTS_WAITING];
  uint8_t open; /* a bit a kind */
  uint8_t r_count, waiting_count;
} lo_alerts;

extern const leadone_limits lo_default_limits;

void lo_alerts_init(lo_alerts *alerts, const leadone_limits *limits);

/* Open an episode unless it is open, close it if it is. */
void lo_alerts_open(lo_alerts *alerts, leadone_alert_kind kind, double start_s, double at_s);
void lo_alerts_close(lo_alerts *alerts, leadone_alert_kind kind, double end_s, double at_s);

/* The episode that began first, by name where several did; whether there is one. */
bool lo_alerts_first_open(const lo_alerts *alerts, leadone_alert_kind *kind);

/* One beat further: bradycardia and tachycardia. */
void lo_rate_beat(lo_alerts *alerts, double r_s);

/* Beats may have gone unseen: rates do not reach across. */
void lo_rate_forget(lo_alerts *alerts);

/* The signal was lost: what was going on ends with the last beat. */
void lo_rate_lose(lo_alerts *alerts, double at_s);

/* Suspected atrial fibrillation from the latest window. */
void lo_af_alert(lo_alerts *alerts, const leadone_rhythm *rhythm);

/* The next alert that waits, if there is one. */
bool lo_alerts_take(lo_alerts *alerts, leadone_alert *alert);

#endif
