/* Swapped hands: P wave and QRS both point down in lead I; the twin of edge/polarity.py. */
#ifndef LEADONE_POLARITY_H
#define LEADONE_POLARITY_H

#include "core.h"

enum { LO_POLARITY_BEATS = 20 };

typedef struct {
  double r_s[LO_POLARITY_BEATS]; /* a ring */
  uint32_t down;                 /* a bit a place in it: both point down */
  uint8_t count, next;
  bool is_reversed;
} lo_polarity;

void lo_polarity_init(lo_polarity *polarity);

/* One more beat with a P wave: whether it and the QRS point down. */
void lo_polarity_beat(lo_polarity *polarity, double r_s, bool is_down);

/* R peak of the first of the beats that point down; 0 of none. */
double lo_polarity_since_s(const lo_polarity *polarity);

#endif
