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

int8_t lo_network_input(int16_t filtered, int32_t channel, float scale, int8_t zero) {
  static const float ranges_mv[] = {5.0f, 0.625f};
  const float mv = (float)filtered / LO_STEPS_PER_MV;
  const float step = lo_round_evenf(clipped(mv / ranges_mv[channel], 1.0f) / scale) + (float)zero;
  return (int8_t)clipped(step, step < 0 ? 128.0f : 127.0f);
}
