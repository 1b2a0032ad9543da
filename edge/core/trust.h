/* Which beats are told: those sure enough beside the ones before; the twin of edge/trust.py. */
#ifndef LEADONE_TRUST_H
#define LEADONE_TRUST_H

#include "core.h"

typedef struct {
  int32_t limit, usual;
} lo_trust;

void lo_trust_init(lo_trust *trust, double limit);

/* Whether the next beat is told. */
bool lo_trust_hear(lo_trust *trust, float confidence);

#endif
