/* What most of the last twenty beats say that can say it; the twin of edge/votes.py. */
#ifndef LEADONE_VOTES_H
#define LEADONE_VOTES_H

#include "core.h"

enum { LO_VOTERS = 20 };

typedef struct {
  uint32_t r[LO_VOTERS]; /* in ticks, a ring */
  int8_t value[LO_VOTERS];
  uint8_t next, count;
  bool is_open;
} lo_votes;

/* One beat's vote, above 0 for yes; `least` votes are needed to open. */
void lo_votes_vote(lo_votes *votes, double at_s, int32_t value, int32_t least, double mean_on,
                   double mean_off);

/* Of yes among those that count. */
float lo_votes_share(const lo_votes *votes);

/* The R peak of the first yes that counts; the last vote was at `at_s`. */
double lo_votes_since_s(const lo_votes *votes, double at_s);

#endif
