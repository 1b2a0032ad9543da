/* See levels.h. */
#include "levels.h"

enum { HEIGHT_SAMPLES = 61, LARGEST = 127 };

static const int8_t places[LO_LEVELS][2] = {{-12, -6}, {6, 15}, {25, 40}};

static int32_t height_of(const int16_t *steps) {
  int32_t low = steps[0], high = steps[0];
  for (int32_t k = 1; k < HEIGHT_SAMPLES; ++k) {
    low = lo_minimum(low, steps[k]);
    high = lo_maximum(high, steps[k]);
  }
  return high - low + 1;
}

static int32_t floor_quotient(int32_t total, int32_t size) {
  return total / size - (total % size < 0);
}

void lo_levels_of(const int16_t around[LO_LEVELS_AROUND], int8_t levels[LO_LEVELS]) {
  const int32_t height = height_of(around);
  const int16_t *r = around + LO_LEVELS_BEHIND_R;
  for (int32_t p = 0; p < LO_LEVELS; ++p) {
    const int32_t size = (places[p][1] - places[p][0]) * height;
    int32_t sum = 0;
    for (int32_t k = places[p][0]; k < places[p][1]; ++k) sum += r[k];
    const int32_t level = floor_quotient(sum * LO_LEVEL_STEPS + size / 2, size);
    levels[p] = (int8_t)lo_maximum(lo_minimum(level, LARGEST), -LARGEST);
  }
}
