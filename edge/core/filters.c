/* See filters.h. */
#include "filters.h"

/* b0, b1, a1, a2 in 2^-30; b2 is b0. tests/edge/core/test_core_frontend.py holds them to filters.py. */
static const int32_t sections[LO_SECTIONS][4] = {
    {1064243069, -2128486138, -2128402107, 1054828346},
    {1020271652, -630562559, -630562559, 966801481},
    {1010186290, -126860244, -126860244, 946630755},
};

void lo_filter_init(lo_filter *filter) { *filter = (lo_filter){0}; }

static int32_t steps_of(int64_t x) {
  const int64_t step = (x + ((int64_t)1 << 33)) >> (LO_FILTER_BITS - 10);
  return (int32_t)(step < -LO_LARGEST_STEP  ? -LO_LARGEST_STEP
                   : step > LO_LARGEST_STEP ? LO_LARGEST_STEP
                                            : step);
}

int16_t lo_filter_push(lo_filter *filter, int64_t x) {
  int32_t highpassed = 0;
  for (int32_t k = 0; k < LO_SECTIONS; ++k) {
    const int32_t *c = sections[k];
    int64_t *state = filter->state[k];
    const int64_t outer = lo_scaled_by(x, c[0]);
    const int64_t y = outer + state[0];
    /* A high-pass has b1 = -2 b0, a notch b1 = a1. */
    const int64_t middle = c[1] == c[2] ? lo_scaled_by(x - y, c[1])
                                        : -2 * outer - lo_scaled_by(y, c[2]);
    state[0] = middle + state[1];
    state[1] = outer - lo_scaled_by(y, c[3]);
    x = y;
    if (k == 0) highpassed = steps_of(x);
  }
  const int32_t filtered = steps_of(x);
  filter->removed = highpassed - filtered;
  return (int16_t)filtered;
}
