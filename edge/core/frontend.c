/* See frontend.h. */
#include "frontend.h"

static const float largest_raw_mv = 2048.0f;

void lo_frontend_init(lo_frontend *front, double rate_hz, int32_t *recent) {
  *front = (lo_frontend){0};
  lo_resampler_init(&front->resampler, rate_hz, recent);
  lo_filter_init(&front->filter);
}

static float clipped(float x, float limit) { return x < -limit ? -limit : x > limit ? limit : x; }

void lo_frontend_push(lo_frontend *front, float mv) {
  if (lo_finite(mv)) {
    if (!front->is_started) front->first = mv, front->is_started = true;
    const float steps = clipped(mv - front->first, largest_raw_mv) * (1 << LO_RAW_BITS);
    const bool has_fraction = steps > -8388608.0f && steps < 8388608.0f; /* 2^23 */
    front->last = (int32_t)(has_fraction ? lo_round_evenf(steps) : steps);
  }
  lo_resampler_push(&front->resampler, front->last);
}

bool lo_frontend_next(lo_frontend *front, int16_t *y) {
  int64_t resampled;
  if (!lo_resampler_next(&front->resampler, &resampled)) return false;
  *y = lo_filter_push(&front->filter, resampled);
  return true;
}

void lo_network_inputs(int16_t filtered, float scale, int8_t zero, int8_t steps[LO_INPUTS]) {
  static const float ranges_mv[LO_INPUTS] = {5.0f, 0.625f};
  const float to_whole = 12582912.0f; /* 1.5 * 2^23: rounds either sign, for a step is far below 2^22 */
  const float mv = (float)filtered / LO_STEPS_PER_MV;
  for (int32_t c = 0; c < LO_INPUTS; ++c) {
    const float step = (clipped(mv / ranges_mv[c], 1.0f) / scale + to_whole) - to_whole;
    const int32_t whole = (int32_t)step + zero;
    steps[c] = (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);
  }
}
