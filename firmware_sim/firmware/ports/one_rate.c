/* The core's resampler for a device that samples at LO_RATE_HZ: it passes on what comes, without a table of
 * four kilobytes. The build takes it in place of edge/core/resampler.c.
 */
#include "resampler.h"

int32_t lo_resampler_inputs(double rate_hz) { return rate_hz == LO_RATE_HZ ? 2 : 0; }

void lo_resampler_init(lo_resampler *r, double rate_hz, int32_t *recent) {
  *r = (lo_resampler){.seconds_per_output = 1 / rate_hz, .up = 1, .down = 1, .behind = -1,
                      .count = 2, .recent = recent};
  recent[0] = recent[1] = 0;
}

void lo_resampler_push(lo_resampler *r, int32_t x) {
  r->recent[0] = x;
  ++r->behind;
}

void lo_resampler_hold(lo_resampler *r) {
  ++r->held;
  lo_resampler_push(r, r->recent[0]);
}

bool lo_resampler_next(lo_resampler *r, int64_t *y) {
  if (r->behind < r->held) return false;
  *y = (int64_t)r->recent[0] * ((int64_t)1 << 28);
  r->behind -= 1;
  return true;
}
