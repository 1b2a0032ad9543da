/* See trust.h. */
#include "trust.h"

#include "rhythm.h"

enum { USUAL = 3 }; /* times the weight of the beat's own */
enum { FRACTION_BITS = 4, FOLLOWS_BITS = 3 };

void lo_trust_init(lo_trust *trust, double limit) {
  trust->limit = (int32_t)((1 + USUAL) * limit * LO_CONFIDENCE_STEPS);
  trust->usual = (int32_t)lo_round_even(0.95 * LO_CONFIDENCE_STEPS) << FRACTION_BITS;
}

bool lo_trust_hear(lo_trust *trust, float confidence) {
  const int32_t own = (int32_t)lo_round_evenf(confidence * LO_CONFIDENCE_STEPS);
  const bool is_told = own + USUAL * (trust->usual >> FRACTION_BITS) >= trust->limit;
  trust->usual += ((own << FRACTION_BITS) - trust->usual) >> FOLLOWS_BITS;
  return is_told;
}
