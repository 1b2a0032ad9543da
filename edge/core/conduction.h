/* Long PR, P waves that no QRS answers, long QTc; the twin of edge/conduction.py. */
#ifndef LEADONE_CONDUCTION_H
#define LEADONE_CONDUCTION_H

#include "episodes.h"
#include "votes.h"

typedef struct {
  lo_votes pr, qtc;
  double r_s, p_on_s; /* of the last beat; LEADONE_ABSENT */
  double first_s, dropped_s; /* what the first dropped beat followed, and the last one */
  bool has_last, last_is_v, has_dropped;
} lo_conduction;

/* One beat further. */
void lo_conduction_beat(lo_conduction *conduction, lo_episodes *episodes, const leadone_beat *beat);

/* Beats may have gone unseen: the next one follows none. */
void lo_conduction_forget(lo_conduction *conduction);

#endif
