/* Couplets, runs, bigeminy and too many V beats in a minute; the twin of edge/ventricular.py. */
#ifndef LEADONE_VENTRICULAR_H
#define LEADONE_VENTRICULAR_H

#include "episodes.h"

typedef struct {
  double v_s[LEADONE_MOST_FREQUENT_BEATS]; /* the last V beats, the oldest first */
  double last_s;                           /* the last beat of any kind */
  double row_s, pairs_s;                   /* where the row and the pairs began */
  int32_t in_row, others, pairs;           /* others: beats since the last V */
  uint8_t count;                           /* of v_s */
} lo_ventricular;

void lo_ventricular_init(lo_ventricular *ventricular);

/* One beat further. */
void lo_ventricular_beat(lo_ventricular *ventricular, lo_episodes *episodes, double r_s, bool is_v);

/* Beats may have gone unseen: what was going on ended with the last V beat. */
void lo_ventricular_forget(lo_ventricular *ventricular, lo_episodes *episodes, double at_s);

#endif
