/* See waves.h. */
#include "waves.h"

static const uint8_t min_frames[] = {4, 3, 3, 5}; /* none, P, QRS, T */

float lo_wave_confidence(const lo_wave_run *run) {
  return (float)run->certainty / ((float)run->frames * LO_CERTAINTY_STEPS);
}

int32_t lo_likeliest(const float *logits, int32_t n) {
  int32_t best = 0;
  for (int32_t k = 1; k < n; ++k) {
    if (logits[k] > logits[best]) best = k;
  }
  return best;
}

uint16_t lo_winning_probability(const float logits[4]) {
  const int32_t best = lo_likeliest(logits, 4);
  float sum = 0.0f;
  for (int32_t k = 0; k < 4; ++k) sum += k == best ? 1.0f : lo_expf(logits[k] - logits[best]);
  return (uint16_t)lo_round_evenf(1.0f / sum * LO_CERTAINTY_STEPS);
}

void lo_run_encoder_init(lo_run_encoder *encoder) {
  *encoder = (lo_run_encoder){.open = {.kind = -1, .onset = -0.5, .offset = -0.5}};
}

/* Where, in samples, the class before this frame and the class of this frame are equal. */
static double boundary(const lo_run_encoder *encoder, const float logits[4], int32_t before,
                       int32_t after) {
  const float *previous = encoder->previous;
  const double lead_before = (double)previous[before] - (double)previous[after];
  const double lead_after = (double)logits[after] - (double)logits[before];
  const double both = lead_before + lead_after;
  const double share = lead_before / (both > 1e-9 ? both : 1e-9);
  const double centre = (encoder->frame - 1 + 0.5) * LO_WAVE_FRAME_SAMPLES - 0.5;
  return centre + share * LO_WAVE_FRAME_SAMPLES;
}

static lo_wave_run closed_at(const lo_wave_run *run, double offset) {
  lo_wave_run closed = *run;
  closed.offset = offset;
  return closed;
}

static double begin_of(int32_t frame) { return frame * LO_WAVE_FRAME_SAMPLES - 0.5; }

const lo_wave_run *lo_run_encoder_open(lo_run_encoder *encoder) {
  encoder->open.offset = begin_of(encoder->frame);
  return &encoder->open;
}

bool lo_run_encoder_push(lo_run_encoder *encoder, const float logits[4], uint16_t certainty,
                         lo_wave_run *done) {
  lo_wave_run *open = &encoder->open;
  const int8_t kind = (int8_t)lo_likeliest(logits, 4);
  const bool is_first = open->kind < 0, changes = !is_first && kind != open->kind;
  const bool is_too_long = kind == open->kind && kind != LO_NONE &&
                           open->frames == LO_LONGEST_FRAMES;
  if (changes || is_too_long) {
    const double edge = changes ? boundary(encoder, logits, open->kind, kind) : begin_of(encoder->frame);
    *done = closed_at(open, edge);
    *open = (lo_wave_run){.kind = kind, .onset = edge};
  }
  open->kind = kind;
  open->frames += 1;
  if (kind != LO_NONE) open->certainty += certainty; /* of nothing nobody asks, and it may last */
  encoder->frame += 1;
  __builtin_memcpy(encoder->previous, logits, sizeof encoder->previous);
  return changes || is_too_long;
}

void lo_run_smoother_init(lo_run_smoother *smoother) {
  *smoother = (lo_run_smoother){.held = {.kind = -1}};
}

static bool may_join(const lo_wave_run *a, const lo_wave_run *b) {
  if (a->kind != b->kind) return false;
  return a->kind == LO_NONE || a->frames + b->frames <= LO_LONGEST_FRAMES;
}

bool lo_run_smoother_finish(lo_run_smoother *smoother, lo_wave_run *done) {
  if (smoother->held.kind < 0) return false;
  *done = smoother->held;
  smoother->held.kind = -1;
  return true;
}

bool lo_run_smoother_push(lo_run_smoother *smoother, const lo_wave_run *run, lo_wave_run *done) {
  lo_wave_run *held = &smoother->held;
  bool gives = false;
  if (held->kind >= 0 && run->onset - held->offset > LO_HOLD_SAMPLES) {
    gives = lo_run_smoother_finish(smoother, done);
  }
  if (run->frames < min_frames[run->kind]) return gives;
  if (held->kind >= 0 && may_join(held, run)) {
    held->offset = run->offset;
    held->frames += run->frames;
    held->certainty += run->certainty;
    return false;
  }
  gives = lo_run_smoother_finish(smoother, done) || gives;
  *held = *run;
  return gives;
}

bool lo_run_smoother_release(lo_run_smoother *smoother, const lo_wave_run *open_run,
                             lo_wave_run *done) {
  if (smoother->held.kind < 0 || open_run->kind < 0) return false;
  const bool is_solid = open_run->frames >= min_frames[open_run->kind];
  if (!is_solid || may_join(&smoother->held, open_run)) return false;
  return lo_run_smoother_finish(smoother, done);
}
