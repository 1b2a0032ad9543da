/* See fifths.h. */
#include "fifths.h"

static const float none_low = 3.4e38f;

static int32_t raw_length(const lo_fifths *fifths, int32_t fifth) {
  const double begins = lo_round_even(fifth * fifths->rate_hz / LO_FIFTHS_PER_SECOND);
  return (int32_t)(lo_round_even((fifth + 1) * fifths->rate_hz / LO_FIFTHS_PER_SECOND) - begins);
}

static void begin_raw(lo_fifths *fifths, int32_t fifth) {
  const int32_t at = fifth % LO_FIFTHS_KEPT;
  fifths->raw_fifth = fifth;
  fifths->raw_left = raw_length(fifths, fifth);
  fifths->low[at] = none_low;
  fifths->high[at] = -none_low;
  fifths->valid[at] = fifths->count[at] = 0;
}

void lo_fifths_init(lo_fifths *fifths, double rate_hz) {
  *fifths = (lo_fifths){.rate_hz = rate_hz};
  begin_raw(fifths, 0);
}

void lo_fifths_push_raw(lo_fifths *fifths, float mv) {
  if (fifths->raw_left == 0) begin_raw(fifths, fifths->raw_fifth + 1);
  const int32_t at = fifths->raw_fifth % LO_FIFTHS_KEPT;
  fifths->raw_left -= 1;
  fifths->count[at] += 1;
  if (!lo_finite(mv)) return;
  fifths->valid[at] += 1;
  if (mv < fifths->low[at]) fifths->low[at] = mv;
  if (mv > fifths->high[at]) fifths->high[at] = mv;
}

void lo_fifths_push_filtered(lo_fifths *fifths, int16_t y, bool hisses, bool is_muscle,
                             bool is_mains) {
  const int32_t at = fifths->filtered / LO_FILTERED_IN_FIFTH % LO_FIFTHS_KEPT;
  if (fifths->filtered++ % LO_FILTERED_IN_FIFTH == 0) {
    fifths->filtered_low[at] = fifths->filtered_high[at] = y;
    fifths->hiss[at] = fifths->muscle[at] = fifths->mains[at] = 0;
  }
  if (y < fifths->filtered_low[at]) fifths->filtered_low[at] = y;
  if (y > fifths->filtered_high[at]) fifths->filtered_high[at] = y;
  fifths->hiss[at] = (uint8_t)(fifths->hiss[at] + hisses);
  fifths->muscle[at] = (uint8_t)(fifths->muscle[at] + is_muscle);
  fifths->mains[at] = (uint8_t)(fifths->mains[at] + is_mains);
}

void lo_fifths_push_frame(lo_fifths *fifths, uint16_t certainty, bool is_qrs) {
  const int32_t at = fifths->frames / LO_FRAMES_IN_FIFTH % LO_FIFTHS_KEPT;
  if (fifths->frames++ % LO_FRAMES_IN_FIFTH == 0) fifths->certainty[at] = fifths->qrs[at] = 0;
  fifths->certainty[at] += certainty;
  fifths->qrs[at] = (uint8_t)(fifths->qrs[at] + is_qrs);
}

/* Fifths from `first` up to but without `last`, of which those exist that `newest` leaves. */
typedef struct {
  int32_t first, last;
} range;

static range kept_between(double start_s, double end_s, int32_t newest) {
  const int32_t first = (int32_t)lo_round_even(start_s * LO_FIFTHS_PER_SECOND);
  const int32_t last = (int32_t)lo_round_even(end_s * LO_FIFTHS_PER_SECOND);
  return (range){lo_maximum(first, lo_maximum(newest - LO_FIFTHS_KEPT + 1, 0)),
                 lo_minimum(last, newest + 1)};
}

lo_raw_facts lo_raw_between(const lo_fifths *fifths, double start_s, double end_s) {
  const range asked = kept_between(start_s, end_s, fifths->raw_fifth);
  lo_raw_facts facts = {.low = none_low, .high = -none_low};
  for (int32_t k = asked.first; k < asked.last; ++k) {
    const int32_t at = k % LO_FIFTHS_KEPT;
    if (fifths->low[at] < facts.low) facts.low = fifths->low[at];
    if (fifths->high[at] > facts.high) facts.high = fifths->high[at];
    facts.valid += fifths->valid[at];
    facts.count += fifths->count[at];
  }
  return facts;
}

/* Of `received` samples those in one fifth. */
static int32_t inside(int32_t received, int32_t fifth, int32_t each) {
  return lo_minimum(received - fifth * each, each);
}

lo_filtered_facts lo_filtered_between(const lo_fifths *fifths, double start_s, double end_s) {
  const int32_t newest = (fifths->filtered - 1) / LO_FILTERED_IN_FIFTH;
  const range asked = kept_between(start_s, end_s, fifths->filtered ? newest : -1);
  lo_filtered_facts facts = {0};
  for (int32_t k = asked.first; k < asked.last; ++k) {
    const int32_t at = k % LO_FIFTHS_KEPT;
    const int32_t low = fifths->filtered_low[at], high = fifths->filtered_high[at];
    if (k == asked.first) {
      facts.low = facts.highest_low = low;
      facts.high = facts.lowest_high = high;
    }
    facts.low = lo_minimum(facts.low, low);
    facts.highest_low = lo_maximum(facts.highest_low, low);
    facts.high = lo_maximum(facts.high, high);
    facts.lowest_high = lo_minimum(facts.lowest_high, high);
    facts.hiss += fifths->hiss[at];
    facts.muscle += fifths->muscle[at];
    facts.mains += fifths->mains[at];
    facts.count += inside(fifths->filtered, k, LO_FILTERED_IN_FIFTH);
  }
  return facts;
}

lo_frame_facts lo_frames_between(const lo_fifths *fifths, double start_s, double end_s) {
  const int32_t newest = (fifths->frames - 1) / LO_FRAMES_IN_FIFTH;
  const range asked = kept_between(start_s, end_s, fifths->frames ? newest : -1);
  lo_frame_facts facts = {0};
  for (int32_t k = asked.first; k < asked.last; ++k) {
    const int32_t at = k % LO_FIFTHS_KEPT;
    facts.certainty += fifths->certainty[at];
    facts.qrs += fifths->qrs[at];
    facts.count += inside(fifths->frames, k, LO_FRAMES_IN_FIFTH);
  }
  return facts;
}
