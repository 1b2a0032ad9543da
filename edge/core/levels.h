/* Where the signal stands around an R peak, in parts of the QRS's height; the twin of edge/levels.py. */
#ifndef LEADONE_LEVELS_H
#define LEADONE_LEVELS_H

#include "core.h"

enum { LO_LEVELS = 3, LO_LEVEL_STEPS = 64 };
enum { LO_LEVELS_BEHIND_R = 25, LO_LEVELS_AROUND = 65 };

/* Of the signal from LO_LEVELS_BEHIND_R samples before the R peak on, in LO_LEVEL_STEPS of a height. */
void lo_levels_of(const int16_t around[LO_LEVELS_AROUND], int8_t levels[LO_LEVELS]);

#endif
