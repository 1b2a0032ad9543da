/* The core's resampler for a device of one rate: the same integers, whose taps a table has for each place that
 * an output may have between two inputs. The build takes it in place of edge/core/resampler.c, and writes
 * phases.h (firmware_sim/phases.py): `rows` begin with the tap of the input BEFORE inputs before the last one
 * that an output does not lie behind.
 */
#include "resampler.h"

#include "phases.h"

enum { INPUTS = 2 * HALF + 2 };

int32_t lo_resampler_inputs(double asked_hz) { return asked_hz == rate_hz ? INPUTS : 0; }

void lo_resampler_init(lo_resampler *r, double asked_hz, int32_t *recent) {
  (void)asked_hz;
  *r = (lo_resampler){.seconds_per_output = seconds_per_output, .half = HALF, .behind = -1,
                      .count = INPUTS, .recent = recent};
  for (int32_t k = 0; k < INPUTS; ++k) recent[k] = 0;
}

void lo_resampler_push(lo_resampler *r, int32_t x) {
  r->at = r->at + 1 == INPUTS ? 0 : r->at + 1;
  r->recent[r->at] = x;
  ++r->behind;
}

void lo_resampler_hold(lo_resampler *r) {
  ++r->held;
  lo_resampler_push(r, r->recent[r->at]);
}

static int64_t sum(const int32_t *x, const int32_t *taps, int32_t n) {
  int64_t total = 0;
  for (const int32_t *end = x + n; x < end; ++x, ++taps) total += (int64_t)*x * *taps;
  return total;
}

static int64_t output(const lo_resampler *r) {
  const int32_t *taps = rows[r->rest];
  int32_t at = r->at - r->behind - BEFORE;
  if (at < 0) at += INPUTS;
  const int32_t to_end = INPUTS - at < TAPS ? INPUTS - at : TAPS;
  const int64_t total = sum(&r->recent[at], taps, to_end) + sum(r->recent, taps + to_end, TAPS - to_end);
  return lo_scaled_by(total * 4, GAIN);
}

bool lo_resampler_next(lo_resampler *r, int64_t *y) {
  const int32_t needed = r->rest > 0;
  if (r->behind - r->held < needed || r->behind < HALF + needed) return false;
  *y = output(r);
  r->rest += DOWN;
  r->behind -= r->rest / UP;
  r->rest %= UP;
  return true;
}
