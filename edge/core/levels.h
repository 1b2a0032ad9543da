/* Where the signal stands around an R peak, in parts of the QRS's height; the twin of edge/levels.py. */
#ifndef LEADONE_LEVELS_H
#define LEADONE_LEVELS_H

#include "core.h"

enum { LO_LEVELS = 3, LO_LEVEL_STEPS = 64 };

/* In LO_LEVEL_STEPS of a height; `r` is the sample of an R peak among those around it, in 1/1024 mV. */
void lo_levels_of(const int16_t *r, int8_t levels[LO_LEVELS]);

#endif
