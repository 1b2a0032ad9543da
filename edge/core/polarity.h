/* Swapped hands: P and QRS of lead I point down in most beats; the twin of edge/polarity.py. */
#ifndef LEADONE_POLARITY_H
#define LEADONE_POLARITY_H

#include "episodes.h"
#include "votes.h"

/* One more beat's net deflections in mV. */
void lo_polarity_beat(lo_votes *votes, lo_episodes *episodes, double r_s, bool has_p, float p_mv,
                      float qrs_mv);

#endif
