/* See quality.h. */
#include "quality.h"

#include "filters.h"
#include "waves.h"

static const double beat_needs_s = 0.3, beat_lasts_s = 0.6;

enum { NEIGHBOUR = 3, REACH = 2 * NEIGHBOUR };

static void begin_second(lo_quality *quality) {
  const double rate_hz = quality->fifths.rate_hz;
  const double begins = lo_round_even(quality->ended * rate_hz);
  const double ends = lo_round_even((quality->ended + 1) * rate_hz);
  quality->second = (lo_second){.left = (int32_t)(ends - begins)};
}

void lo_quality_init(lo_quality *quality, const lo_quality_limits *limits, double rate_hz) {
  *quality = (lo_quality){.limits = limits};
  quality->hiss_steps = (int32_t)lo_floor(limits->hiss_mv * (2 * LO_STEPS_PER_MV));
  quality->muscle_steps = (int32_t)lo_floor(limits->muscle_mv * (2 * LO_STEPS_PER_MV));
  quality->mains_steps = (int32_t)lo_floor(limits->mains_mv * LO_STEPS_PER_MV);
  lo_fifths_init(&quality->fifths, rate_hz);
  begin_second(quality);
}

static lo_reason why_off(const lo_quality *quality, const lo_raw_facts *facts) {
  const lo_quality_limits *limits = quality->limits;
  if (facts->valid == 0 || facts->valid < (1 - limits->missing_share) * facts->count) {
    return LO_MISSING;
  }
  return (double)facts->high - (double)facts->low < limits->flat_mv ? LO_FLAT : LO_FINE;
}

static lo_reason raw_defect(const lo_quality *quality) {
  const lo_second *second = &quality->second;
  const lo_quality_limits *limits = quality->limits;
  const lo_reason off = why_off(quality, &second->facts);
  if (off != LO_FINE) return off;
  const double at_least = limits->plateau_s * quality->fifths.rate_hz;
  if (!(second->facts.high - second->facts.low > (float)limits->plateau_above_mv)) return LO_FINE;
  return lo_maximum(second->longest_low, second->longest_high) >= at_least ? LO_CLIPPED : LO_FINE;
}

static void end_second(lo_quality *quality) {
  quality->reasons[quality->ended % LO_SECONDS_WAITING] = (uint8_t)raw_defect(quality);
  quality->ended += 1;
  begin_second(quality);
}

static void count_extremes(lo_second *second, float mv) {
  lo_raw_facts *facts = &second->facts;
  const bool is_first = facts->valid == 0;
  if (is_first || mv < facts->low) facts->low = mv, second->at_low = second->longest_low = 0;
  if (is_first || mv > facts->high) facts->high = mv, second->at_high = second->longest_high = 0;
  second->at_low = mv == facts->low ? second->at_low + 1 : 0;
  second->at_high = mv == facts->high ? second->at_high + 1 : 0;
  second->longest_low = lo_maximum(second->longest_low, second->at_low);
  second->longest_high = lo_maximum(second->longest_high, second->at_high);
  facts->valid += 1;
}

void lo_quality_push_raw(lo_quality *quality, float mv) {
  lo_fifths_push_raw(&quality->fifths, mv);
  lo_second *second = &quality->second;
  second->facts.count += 1;
  second->left -= 1;
  if (lo_finite(mv)) count_extremes(second, mv);
  if (second->left == 0) end_second(quality);
}

void lo_quality_push_filtered(lo_quality *quality, int16_t y, int32_t removed) {
  int16_t *tail = quality->tail;
  const bool is_known = quality->fifths.filtered >= REACH;
  const int32_t double_deflection = is_known ? y + tail[0] - 2 * tail[NEIGHBOUR] : 0;
  const int32_t steps = double_deflection < 0 ? -double_deflection : double_deflection;
  lo_fifths_push_filtered(&quality->fifths, y, steps > quality->hiss_steps,
                          steps > quality->muscle_steps,
                          removed > quality->mains_steps || -removed > quality->mains_steps);
  tail[0] = tail[1], tail[1] = tail[2], tail[2] = tail[3]; /* at every sample: no loop */
  tail[3] = tail[4], tail[4] = tail[5], tail[5] = y;
}

void lo_quality_push_frame(lo_quality *quality, uint16_t certainty, bool is_qrs) {
  lo_fifths_push_frame(&quality->fifths, certainty, is_qrs);
}

static bool is_certain(const lo_quality *quality, const lo_frame_facts *frames) {
  if (frames->count == 0) return false;
  const double sum = (double)frames->certainty / LO_CERTAINTY_STEPS;
  return sum / frames->count >= quality->limits->certainty;
}

static double swing_mv(const lo_filtered_facts *facts) {
  return (double)(facts->high - facts->low) / LO_STEPS_PER_MV;
}

/* How far the fifths' lowest samples are apart, or their highest, whichever is less. */
static double wander_mv(const lo_filtered_facts *facts) {
  const int32_t lows = facts->highest_low - facts->low, highs = facts->high - facts->lowest_high;
  return (double)lo_minimum(lows, highs) / LO_STEPS_PER_MV;
}

static lo_reason verdict(const lo_quality *quality, int32_t k, lo_reason reason) {
  if (reason == LO_MISSING || reason == LO_FLAT) return reason;
  const lo_fifths *fifths = &quality->fifths;
  const lo_frame_facts frames = lo_frames_between(fifths, k - 1, k + 2);
  const lo_filtered_facts around = lo_filtered_between(fifths, k - 1, k + 2);
  const lo_filtered_facts second = lo_filtered_between(fifths, k, k + 1);
  const bool no_beat = frames.qrs == 0;
  if (no_beat && swing_mv(&around) > quality->limits->swing_mv) return LO_DRIFTING;
  if (reason != LO_FINE) return reason;
  if (2 * second.muscle > second.count) return LO_MUSCLE;
  if (!is_certain(quality, &frames)) {
    return wander_mv(&around) > quality->limits->wander_mv ? LO_MOTION : LO_UNREADABLE;
  }
  if (no_beat && 2 * second.hiss > second.count) return LO_UNREADABLE;
  return 2 * second.mains > second.count ? LO_POWERLINE : LO_FINE;
}

static void decide_next(lo_quality *quality) {
  uint8_t *reason = &quality->reasons[quality->decided % LO_SECONDS_WAITING];
  *reason = (uint8_t)verdict(quality, quality->decided, (lo_reason)*reason);
  quality->decided += 1;
}

void lo_quality_decide(lo_quality *quality) {
  const lo_fifths *fifths = &quality->fifths;
  const int32_t known_s = lo_minimum(fifths->frames * LO_WAVE_FRAME_SAMPLES, fifths->filtered) /
                          LO_RATE_HZ;
  while (quality->decided < quality->ended && known_s >= quality->decided + 2) {
    decide_next(quality);
  }
}

void lo_quality_finish(lo_quality *quality) {
  const lo_second *second = &quality->second;
  if (second->facts.count >= second->left) end_second(quality); /* at least half */
  while (quality->decided < quality->ended) decide_next(quality);
}

bool lo_quality_is_on(const lo_quality *quality, double at_s) {
  const lo_raw_facts raw =
      lo_raw_between(&quality->fifths, at_s - beat_needs_s, at_s + beat_needs_s);
  return why_off(quality, &raw) == LO_FINE;
}

bool lo_quality_is_readable(const lo_quality *quality, double start_s, double end_s) {
  const int32_t parts = (int32_t)lo_round_even((end_s - start_s) / (2 * beat_needs_s)) - 1;
  for (int32_t k = 0; k < parts; ++k) {
    if (!lo_quality_is_on(quality, start_s + (2 * k + 1) * beat_needs_s)) return false;
  }
  const lo_frame_facts frames = lo_frames_between(&quality->fifths, start_s, end_s);
  const lo_filtered_facts after_beat =
      lo_filtered_between(&quality->fifths, start_s + beat_lasts_s, end_s);
  return is_certain(quality, &frames) && swing_mv(&after_beat) <= quality->limits->swing_mv &&
         2 * after_beat.hiss <= after_beat.count;
}
