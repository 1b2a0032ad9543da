/* Alerts: a table of detectors over the stream of beats; the twin of edge/alerts.py. */
#ifndef LEADONE_ALERTS_H
#define LEADONE_ALERTS_H

#include "conduction.h"
#include "polarity.h"
#include "rates.h"
#include "ventricular.h"

typedef struct {
  lo_episodes episodes;
  lo_rates rates;
  lo_conduction conduction;
  lo_ventricular ventricular;
  lo_votes polarity;
  double af_since_s;          /* the first window of those in a row */
  int32_t af_seen, af_in_row; /* windows */
} lo_alerts;

void lo_alerts_init(lo_alerts *alerts, const leadone_limits *limits);

/* One beat further, in the order in which the detectors tell. */
void lo_alerts_beat(lo_alerts *alerts, const leadone_beat *beat);

/* Beats may have gone unseen. */
void lo_alerts_forget(lo_alerts *alerts, double at_s);

/* The signal was lost. */
void lo_alerts_lose(lo_alerts *alerts, double at_s);

/* Suspected atrial fibrillation, with the latest window; the twin of edge/fibrillation.py. */
void lo_alerts_window(lo_alerts *alerts, const leadone_rhythm *rhythm);

#endif
