/* Bradycardia and tachycardia from the mean of the last RR intervals; the twin of edge/rates.py. */
#ifndef LEADONE_RATES_H
#define LEADONE_RATES_H

#include "episodes.h"

typedef struct {
  double start_s, crossed_s;
  bool is_set;
} lo_since;

typedef struct {
  double r_s[LEADONE_MOST_RATE_BEATS + 1];
  double last_s;     /* the last beat */
  lo_since since[2]; /* slow, fast */
  uint8_t count;
} lo_rates;

/* One beat further. */
void lo_rates_beat(lo_rates *rates, lo_episodes *episodes, double r_s);

/* Beats may have gone unseen: means do not reach across. */
void lo_rates_forget(lo_rates *rates);

/* The signal was lost: what was going on ends with the last beat. */
void lo_rates_lose(lo_rates *rates, lo_episodes *episodes, double at_s);

#endif
