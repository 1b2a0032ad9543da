/* See levels.h. */
#include "levels.h"

#include "beat_context.h"

enum { LARGEST = 127 };

static const int8_t places[LO_LEVELS][2] = {{-12, -6}, {6, 15}, {25, 40}};

static int32_t height_of(const int16_t *qrs) {
  int32_t low = qrs[0], high = qrs[0];
  for (int32_t k = 1; k < LO_QRS_LENGTH; ++k) {
    low = lo_minimum(low, qrs[k]);
    high = lo_maximum(high, qrs[k]);
  }
  return high - low + 1;
}

static int32_t floor_quotient(int32_t total, int32_t size) {
  return total / size - (total % size < 0);
}

void lo_levels_of(const int16_t *r, int8_t levels[LO_LEVELS]) {
  const int32_t height = height_of(r + LO_QRS_FROM);
  for (int32_t p = 0; p < LO_LEVELS; ++p) {
    const int32_t size = (places[p][1] - places[p][0]) * height;
    int32_t sum = 0;
    for (int32_t k = places[p][0]; k < places[p][1]; ++k) sum += r[k];
    const int32_t level = floor_quotient(sum * LO_LEVEL_STEPS + size / 2, size);
    levels[p] = (int8_t)lo_maximum(lo_minimum(level, LARGEST), -LARGEST);
  }
}
