/* See polarity.h. */
#include "polarity.h"

enum { ENOUGH = 16 };

void lo_polarity_init(lo_polarity *polarity) { *polarity = (lo_polarity){0}; }

static bool is_down_at(const lo_polarity *polarity, int32_t place) {
  return polarity->down >> place & 1u;
}

void lo_polarity_beat(lo_polarity *polarity, double r_s, bool is_down) {
  const uint32_t bit = 1u << polarity->next;
  polarity->r_s[polarity->next] = r_s;
  polarity->down = is_down ? polarity->down | bit : polarity->down & ~bit;
  polarity->next = (uint8_t)((polarity->next + 1) % LO_POLARITY_BEATS);
  if (polarity->count < LO_POLARITY_BEATS) polarity->count += 1;
  int32_t down = 0;
  for (int32_t k = 0; k < polarity->count; ++k) down += is_down_at(polarity, k);
  if (polarity->count == LO_POLARITY_BEATS && down >= ENOUGH) polarity->is_reversed = true;
  if (down <= LO_POLARITY_BEATS - ENOUGH) polarity->is_reversed = false;
}

double lo_polarity_since_s(const lo_polarity *polarity) {
  const int32_t oldest = polarity->count < LO_POLARITY_BEATS ? 0 : polarity->next;
  for (int32_t k = 0; k < polarity->count; ++k) {
    const int32_t place = (oldest + k) % LO_POLARITY_BEATS;
    if (is_down_at(polarity, place)) return polarity->r_s[place];
  }
  return 0.0;
}
