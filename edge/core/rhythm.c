/* See rhythm.h. */
#include "rhythm.h"

#include "waves.h"

#define NO_PR_S 0.16f /* in place of what no P wave shows */
#define NO_PR_SPREAD_S 0.01f
#define FAST_BPM 95.0f
#define SLOW_BPM 62.0f
#define CLIP 4.0f

enum { MIN_INTERVALS = 5, MAX_RR_TICKS = 3 * LO_TICKS_PER_S };
enum { HAS_T = 1, TOLD = 2, LABEL = 2, CONFIDENCE = 4 }; /* of `packed`; the latter two shifts */
/* Places in the evidence. */
enum { LOG_QRS = 8, PR = 11, PR_SPREAD, QRS, QRS_LONGEST };
enum { NETWORK = LO_RHYTHM_FEATURES - LO_RHYTHMS, LEVELS = NETWORK - LO_LEVELS };
enum { LONGEST_TICKS = (1 << 24) - 1 }; /* 1,024 s: what float32 counts */

void lo_rhythm_beats_init(lo_rhythm_beats *beats) { beats->next = beats->count = 0; }

static int64_t ticks(double seconds) { return (int64_t)lo_round_even(seconds * LO_TICKS_PER_S); }

uint32_t lo_ticks(double seconds) { return (uint32_t)ticks(seconds); }

/* At least 1: a P wave is there. */
static uint16_t pr_ticks(double seconds) {
  const int64_t found = ticks(seconds);
  return (uint16_t)(found < 1 ? 1 : found);
}

void lo_rhythm_beats_push(lo_rhythm_beats *beats, const leadone_beat *beat,
                          const int8_t levels[LO_LEVELS], bool is_told) {
  const int32_t at = beats->next;
  const float confidence = lo_round_evenf(beat->confidence * LO_CONFIDENCE_STEPS);
  beats->r[at] = (uint32_t)ticks(beat->r_s);
  beats->width[at] = (uint16_t)ticks(beat->qrs_off_s - beat->qrs_on_s);
  beats->pr[at] = beat->p_on_s >= 0 ? pr_ticks(beat->qrs_on_s - beat->p_on_s) : 0;
  beats->packed[at] = (uint16_t)((int32_t)confidence << CONFIDENCE | beat->label << LABEL |
                                 (is_told ? TOLD : 0) | (beat->t_on_s >= 0 ? HAS_T : 0));
  for (int32_t p = 0; p < LO_LEVELS; ++p) beats->levels[p][at] = levels[p];
  beats->next = (uint16_t)(at + 1 == LO_BEATS_KEPT ? 0 : at + 1);
  if (beats->count < LO_BEATS_KEPT) beats->count += 1;
}

void lo_rhythm_evidence(const lo_rhythm_beats *beats, leadone_alert *alert) {
  int32_t found = 0, confidence = 0, at = beats->next;
  uint32_t times[LEADONE_MOST_RR + 1];
  while (found < beats->count && found <= LEADONE_MOST_RR) {
    at = at ? at - 1 : LO_BEATS_KEPT - 1;
    if (!(beats->packed[at] & TOLD)) break;
    times[found++] = beats->r[at];
    confidence += beats->packed[at] >> CONFIDENCE;
  }
  alert->rr_count = found > 1 ? found - 1 : 0;
  for (int32_t k = 0; k < alert->rr_count; ++k) {
    const uint32_t gap = times[found - 2 - k] - times[found - 1 - k];
    alert->rr_s[k] = (float)(gap < LONGEST_TICKS ? gap : LONGEST_TICKS) / LO_TICKS_PER_S;
  }
  if (alert->confidence >= 0) return;
  alert->confidence = (float)confidence / (float)(LO_CONFIDENCE_STEPS * lo_maximum(found, 1));
}

/* The beats of a window, counted and summed. */
typedef struct {
  float rr[LO_BEATS_KEPT]; /* in ticks, gaps left out */
  float widths[LO_BEATS_KEPT];
  float pr[LO_BEATS_KEPT];
  int32_t intervals, beats, p, t, s, v, confidence;
} window_beats;

/* Of the beat so many back from the next one. */
static int32_t place_of(const lo_rhythm_beats *beats, int32_t back) {
  return (beats->next - back + LO_BEATS_KEPT) % LO_BEATS_KEPT;
}

static bool is_within(uint32_t r, uint32_t start, uint32_t end) {
  return (int32_t)(r - start) >= 0 && (int32_t)(r - end) < 0;
}

static void gather(const lo_rhythm_beats *beats, double start_s, double end_s, window_beats *w) {
  const uint32_t start = (uint32_t)ticks(start_s), end = (uint32_t)ticks(end_s);
  uint32_t before = 0;
  w->intervals = w->beats = w->p = w->t = w->s = w->v = w->confidence = 0;
  for (int32_t k = beats->count; k > 0; --k) {
    const int32_t at = place_of(beats, k);
    const uint32_t r = beats->r[at];
    if (!is_within(r, start, end)) continue;
    const int32_t packed = beats->packed[at], label = packed >> LABEL & 3;
    if (w->beats && r - before <= MAX_RR_TICKS) w->rr[w->intervals++] = (float)(r - before);
    before = r;
    w->widths[w->beats++] = beats->width[at];
    w->confidence += packed >> CONFIDENCE;
    if (beats->pr[at]) w->pr[w->p++] = beats->pr[at];
    w->t += (packed & HAS_T) != 0;
    w->s += label == LO_S;
    w->v += label == LO_V;
  }
}

/* Absolute changes of RR from one to the next; their root mean square. */
static float changes_of(const float *rr, int32_t n, float *changes) {
  float squares = 0.0f;
  for (int32_t k = 0; k + 1 < n; ++k) {
    const float change = rr[k + 1] - rr[k];
    changes[k] = change < 0 ? -change : change;
    squares += change * change;
  }
  return lo_sqrtf(squares / (float)(n - 1));
}

static float mean_of(const float *values, int32_t n) {
  float sum = 0.0f;
  for (int32_t k = 0; k < n; ++k) sum += values[k];
  return sum / (float)n;
}

/* Of sorted whole numbers, the one `quarters` of the way, linear between two. */
static float quartile(const float *sorted, int32_t n, int32_t quarters) {
  const int32_t at = (n - 1) * quarters / 4, rest = (n - 1) * quarters % 4;
  return rest ? sorted[at] + 0.25f * (float)rest * (sorted[at + 1] - sorted[at]) : sorted[at];
}

static void log_probabilities(const float *logits, float *found) {
  const float highest = logits[lo_likeliest(logits, LO_RHYTHMS)];
  float sum = 0.0f;
  for (int32_t k = 0; k < LO_RHYTHMS; ++k) sum += lo_expf(logits[k] - highest);
  for (int32_t k = 0; k < LO_RHYTHMS; ++k) found[k] = logits[k] - highest - lo_logf(sum);
}

static float spread_of(const float *values, int32_t n) {
  const float mean = mean_of(values, n);
  float squares = 0.0f;
  for (int32_t k = 0; k < n; ++k) squares += (values[k] - mean) * (values[k] - mean);
  return lo_sqrtf(squares / (float)n);
}

static float above(float ratio) { return ratio > 1.0f ? lo_logf(ratio) : 0.0f; }

static void timing_features(window_beats *w, float noisy_share, float *f) {
  const float beats = (float)w->beats, tick = 1.0f / LO_TICKS_PER_S;
  float *changes = w->widths; /* which are a step of their own */
  const float rms = changes_of(w->rr, w->intervals, changes), mean = mean_of(w->rr, w->intervals);
  const float change = lo_median(changes, w->intervals - 1);
  const float usual = lo_median(w->rr, w->intervals); /* sorts */
  const float middle = quartile(w->rr, w->intervals, 3) - quartile(w->rr, w->intervals, 1);
  const float rate_bpm = 60.0f * LO_TICKS_PER_S / usual;
  *f++ = lo_logf(change / usual + 0.01f);
  *f++ = lo_logf(rms / mean + 0.01f);
  *f++ = lo_logf(middle / mean + 0.01f);
  *f++ = (float)w->p / beats;
  *f++ = (float)w->t / beats;
  *f++ = 0.6f * LO_TICKS_PER_S / mean;
  *f++ = (float)w->s / beats;
  *f++ = (float)w->v / beats;
  f += 1; /* of the widths */
  *f++ = (float)w->confidence / LO_CONFIDENCE_STEPS / beats;
  *f++ = noisy_share;
  f += 4; /* of PR and the widths */
  *f++ = lo_logf(w->rr[0] / usual);
  *f++ = lo_logf(w->rr[w->intervals - 1] / usual);
  *f++ = -lo_logf(usual * tick);
  *f++ = above(rate_bpm / FAST_BPM);
  *f++ = above(SLOW_BPM / rate_bpm);
  *f++ = w->s > 0;
  *f++ = w->v > 0;
}

static void interval_features(window_beats *w, float *f) {
  const float tick = 1.0f / LO_TICKS_PER_S;
  const float width_s = lo_median(w->widths, w->beats) * tick; /* sorts */
  f[LOG_QRS] = lo_logf((width_s < 0.02f ? 0.02f : width_s) / 0.1f);
  f[PR] = w->p ? lo_median(w->pr, w->p) * tick : NO_PR_S;
  f[PR_SPREAD] = w->p > 1 ? spread_of(w->pr, w->p) * tick : NO_PR_SPREAD_S;
  f[QRS] = width_s;
  f[QRS_LONGEST] = w->widths[w->beats - 1] * tick;
}

static void standardise(const lo_rhythm_model *model, const float *features, float *z) {
  for (int32_t k = 0; k < LO_RHYTHM_FEATURES; ++k) {
    const float standard = (features[k] - model->mean[k]) / model->scale[k];
    z[k] = standard < -CLIP ? -CLIP : standard > CLIP ? CLIP : standard;
  }
}

static float weighed(const float *weights, const float *z) {
  float total = 0.0f;
  for (int32_t k = 0; k < LO_RHYTHM_FEATURES; ++k) total += weights[k] * z[k];
  return total;
}

/* Softmax of the standardised features. */
static void probabilities_of(const lo_rhythm_model *model, const float *z, float *found) {
  for (int32_t c = 0; c < LO_RHYTHMS; ++c) {
    found[c] = model->bias[c] + weighed(model->weights + c * LO_RHYTHM_FEATURES, z);
  }
  const float highest = found[lo_likeliest(found, LO_RHYTHMS)];
  float sum = 0.0f;
  for (int32_t c = 0; c < LO_RHYTHMS; ++c) sum += found[c] = lo_expf(found[c] - highest);
  for (int32_t c = 0; c < LO_RHYTHMS; ++c) found[c] /= sum;
}

void lo_rhythm_begin(lo_rhythm_work *work, double noisy_share, double start_s, double end_s) {
  *work = (lo_rhythm_work){.noisy_share = (float)noisy_share};
  work->rhythm =
      (leadone_rhythm){.start_s = start_s, .end_s = end_s, .label = LEADONE_NOISE};
  work->rhythm.probabilities[LEADONE_NOISE] = 1.0f; /* what is said of too few beats */
}

static bool read_timing(lo_rhythm_work *work, const lo_rhythm_beats *beats) {
  window_beats w;
  gather(beats, work->rhythm.start_s, work->rhythm.end_s, &w);
  if (w.intervals < MIN_INTERVALS) return false;
  timing_features(&w, work->noisy_share, work->rhythm.evidence);
  return true;
}

static void read_intervals(lo_rhythm_work *work, const lo_rhythm_beats *beats) {
  window_beats w;
  gather(beats, work->rhythm.start_s, work->rhythm.end_s, &w);
  interval_features(&w, work->rhythm.evidence);
}

static void read_levels(lo_rhythm_work *work, const lo_rhythm_beats *beats) {
  const uint32_t start = (uint32_t)ticks(work->rhythm.start_s);
  const uint32_t end = (uint32_t)ticks(work->rhythm.end_s);
  for (int32_t p = 0; p < LO_LEVELS; ++p) {
    float values[LO_BEATS_KEPT];
    int32_t n = 0;
    for (int32_t k = beats->count; k > 0; --k) {
      const int32_t at = place_of(beats, k);
      if (is_within(beats->r[at], start, end)) values[n++] = beats->levels[p][at];
    }
    work->rhythm.evidence[LEVELS + p] = lo_median(values, n) / LO_LEVEL_STEPS;
  }
}

static bool read_network(lo_rhythm_work *work, const lo_pool *pool, const lo_record_head *head) {
  leadone_rhythm *rhythm = &work->rhythm;
  const lo_pool_window window = lo_pool_between(pool, rhythm->start_s, rhythm->end_s);
  if (window.frames == 0) return false;
  float logits[LO_RHYTHMS];
  lo_read_window(head, pool, window, logits, rhythm->findings);
  log_probabilities(logits, rhythm->evidence + NETWORK);
  return true;
}

static void decide(lo_rhythm_work *work, const lo_record_head *head,
                   const lo_rhythm_model *model) {
  float z[LO_RHYTHM_FEATURES];
  leadone_rhythm *rhythm = &work->rhythm;
  const bool is_readable = work->noisy_share <= LO_MOSTLY_NOISY;
  standardise(model, rhythm->evidence, z);
  probabilities_of(model, z, rhythm->probabilities);
  for (int32_t k = 0; k < head->findings; ++k) {
    const float *weights = model->finding_weights + k * LO_RHYTHM_FEATURES;
    const float odds = lo_expf(-rhythm->findings[k] - weighed(weights, z));
    rhythm->findings[k] = is_readable ? 1.0f / (1.0f + odds) : 0.0f;
  }
  rhythm->label = lo_likeliest(rhythm->probabilities, LO_RHYTHMS);
  rhythm->finding_count = is_readable ? head->findings : 0;
  rhythm->evidence_count = LO_RHYTHM_FEATURES;
}

void lo_rhythm_step(lo_rhythm_work *work, const lo_rhythm_beats *beats, const lo_pool *pool,
                    const lo_record_head *head, const lo_rhythm_model *model) {
  bool can_tell = true;
  switch (work->step++) { /* the most work comes where the network's next hop is at its lightest */
    case 0: can_tell = read_timing(work, beats); break;
    case 1: read_intervals(work, beats); break;
    case 2: read_levels(work, beats); break;
    case 3: can_tell = read_network(work, pool, head); break;
    default: decide(work, head, model);
  }
  if (can_tell) return;
  __builtin_memset(work->rhythm.findings, 0, sizeof work->rhythm.findings);
  __builtin_memset(work->rhythm.evidence, 0, sizeof work->rhythm.evidence);
  work->step = LO_RHYTHM_STEPS;
}
