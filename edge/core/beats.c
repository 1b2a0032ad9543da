/* See beats.h. */
#include "beats.h"

#include "filters.h"

static const double t_begins_within = 125, p_conducts_within = 70, refractory = 50;
static const float p_confidence = 0.6f;

void lo_beats_init(lo_beats *beats, const lo_network_model *network, const lo_beat_model *model) {
  *beats = (lo_beats){.network = network, .model = model, .last_r = -1e9};
  lo_beat_context_init(&beats->context);
}

void lo_beats_hear(lo_beats *beats, int16_t filtered) {
  beats->signal[beats->heard++ % LO_SIGNAL_KEPT] = filtered;
}

void lo_beats_hear_logits(lo_beats *beats, const int8_t logits[LO_BEATS]) {
  __builtin_memcpy(beats->logits[beats->logits_heard++ % LO_LOGITS_KEPT], logits, LO_BEATS);
}

/* Beyond the kept ones the nearest is repeated. */
static int32_t nearest(int32_t at, int32_t heard, int32_t kept) {
  return lo_maximum(lo_minimum(at, heard - 1), lo_maximum(heard - kept, 0));
}

static int32_t sample(const lo_beats *beats, int32_t at) {
  return beats->signal[nearest(at, beats->heard, LO_SIGNAL_KEPT) % LO_SIGNAL_KEPT];
}

/* A wave's signal less the line between its edges, in 1 / (1024 last) mV. */
typedef struct {
  const lo_beats *beats;
  int32_t first, last; /* position of the first, and how many samples later the last lies */
} lo_deflection;

static lo_deflection deflection_of(const lo_beats *beats, const lo_wave_run *run) {
  const int32_t first = (int32_t)lo_floor(run->onset), last = -(int32_t)lo_floor(-run->offset);
  return (lo_deflection){beats, first, last - first};
}

static int32_t deflection_at(const lo_deflection *d, int32_t k) {
  const int32_t begin = sample(d->beats, d->first), end = sample(d->beats, d->first + d->last);
  return (sample(d->beats, d->first + k) - begin) * d->last - (end - begin) * k;
}

static float in_mv(const lo_deflection *d, double steps) {
  return (float)(steps / (LO_STEPS_PER_MV * (double)lo_maximum(d->last, 1)));
}

static float mean_deflection_mv(const lo_beats *beats, const lo_wave_run *run) {
  const lo_deflection d = deflection_of(beats, run);
  int64_t sum = 0;
  for (int32_t k = 0; k <= d.last; ++k) sum += deflection_at(&d, k);
  return in_mv(&d, (double)sum / (d.last + 1));
}

/* The vertex of the parabola through a peak and its neighbours, -1/2 to 1/2 from the peak. */
static double vertex(const lo_deflection *d, int32_t peak) {
  if (peak <= 0 || peak >= d->last) return 0.0;
  const int32_t a = deflection_at(d, peak - 1), b = deflection_at(d, peak);
  const int32_t c = deflection_at(d, peak + 1), curvature = a - 2 * b + c;
  if (curvature == 0) return 0.0;
  const double shift = 0.5 * (double)(a - c) / (double)curvature;
  return shift < -0.5 ? -0.5 : shift > 0.5 ? 0.5 : shift;
}

/* Where the largest deflection is, the positive one unless the negative is 1.5 times as large. */
static double r_peak(const lo_beats *beats, const lo_wave_run *qrs, float *qrs_mv) {
  const lo_deflection d = deflection_of(beats, qrs);
  int32_t up = 0, down = 0, highest = 0, lowest = 0; /* at the edges the deflection is 0 */
  for (int32_t k = 1; k <= d.last; ++k) {
    const int32_t value = deflection_at(&d, k);
    if (value > highest) highest = value, up = k;
    if (value < lowest) lowest = value, down = k;
  }
  *qrs_mv = in_mv(&d, (double)highest + (double)lowest);
  const int32_t peak = (int64_t)3 * highest >= (int64_t)-2 * lowest ? up : down;
  return d.first + peak + vertex(&d, peak);
}

/* The last P wave conducts if it is near enough; those before it did not. */
static void assign_p(lo_beats *beats, double qrs_onset, lo_beat *beat) {
  int32_t count = beats->p_count;
  beat->has_p = count > 0 && qrs_onset - beats->p_waves[count - 1].wave.offset <= p_conducts_within;
  if (beat->has_p) {
    --count;
    beat->p = beats->p_waves[count].wave;
    beat->p_mv = beats->p_waves[count].mv;
  }
  for (int32_t k = 0; k < count; ++k) beat->blocked[k] = beats->p_waves[k].wave;
  beat->blocked_count = (uint8_t)count;
  beats->p_count = 0;
}

/* The frame of beat logits that an R peak falls into. */
static int32_t frame_of(double r) {
  return (int32_t)lo_floor((r + 0.5) / LO_BEAT_FRAME_SAMPLES);
}

/* The likeliest class; the logits are means over the frames around the R peak. */
static int32_t network_label(const lo_beats *beats, double r, double means[LO_BEATS]) {
  const int32_t frame = frame_of(r);
  const lo_network_model *network = beats->network;
  const int32_t zero = network->tensors[network->outputs[1]].zero;
  int32_t best = 0;
  for (int32_t c = 0; c < LO_BEATS; ++c) {
    means[c] = 0;
    for (int32_t k = frame - 1; k <= frame + 1; ++k) {
      const int32_t at = nearest(k, beats->logits_heard, LO_LOGITS_KEPT) % LO_LOGITS_KEPT;
      means[c] += (double)((float)(beats->logits[at][c] - zero) * network->scales[1]);
    }
    means[c] /= 3;
    if (means[c] > means[best]) best = c;
  }
  return best;
}

static void find_label(lo_beats *beats) {
  double logits[LO_BEATS];
  int32_t label = network_label(beats, beats->pending.r, logits);
  lo_beat_context_opinion(&beats->context, logits, beats->evidence);
  if (beats->model && label != LO_Q) label = lo_beat_class(beats->model, beats->evidence);
  beats->label = (int8_t)label;
}

void lo_beats_prepare(lo_beats *beats) {
  if (!beats->has_pending || beats->label >= 0) return;
  if (frame_of(beats->pending.r) + 1 < beats->logits_heard) find_label(beats);
}

static bool complete(lo_beats *beats, lo_beat *done) {
  if (beats->label < 0) find_label(beats);
  beats->pending.label = (uint8_t)beats->label;
  beats->has_pending = false;
  *done = beats->pending;
  return true;
}

static bool new_qrs(lo_beats *beats, const lo_wave_run *qrs, lo_beat *done) {
  float qrs_mv;
  const double r = r_peak(beats, qrs, &qrs_mv);
  if (r - beats->last_r < refractory) return false;
  const bool gives = beats->has_pending && complete(beats, done);
  lo_beat *beat = &beats->pending;
  *beat = (lo_beat){.r = r, .qrs = {qrs->onset, qrs->offset}, .qrs_mv = qrs_mv};
  beat->confidence = lo_wave_confidence(qrs);
  assign_p(beats, qrs->onset, beat);
  int16_t steps[LO_AROUND];
  float around[LO_AROUND];
  const int32_t first = (int32_t)lo_round_even(r) - LO_BEHIND_R;
  for (int32_t k = 0; k < LO_AROUND; ++k) {
    steps[k] = (int16_t)sample(beats, first + k);
    around[k] = (float)steps[k] / LO_STEPS_PER_MV;
  }
  lo_levels_of(steps + LO_BEHIND_R, beat->levels);
  lo_beat_context_features(&beats->context, r, qrs->offset - qrs->onset, qrs_mv, beat->has_p,
                           around, beats->evidence);
  beats->has_pending = true;
  beats->label = -1;
  beats->last_r = r;
  return gives;
}

static void new_p(lo_beats *beats, const lo_wave_run *p) {
  if (lo_wave_confidence(p) < p_confidence) return;
  lo_p_wave *waves = beats->p_waves;
  if (beats->p_count == LO_MOST_P_WAVES) {
    __builtin_memmove(waves, waves + 1, (LO_MOST_P_WAVES - 1) * sizeof *waves);
    --beats->p_count;
  }
  waves[beats->p_count++] =
      (lo_p_wave){{p->onset, p->offset}, mean_deflection_mv(beats, p)};
}

bool lo_beats_step(lo_beats *beats, const lo_wave_run *run, lo_beat *done) {
  if (run->kind == LO_QRS) return new_qrs(beats, run, done);
  if (run->kind == LO_P) new_p(beats, run);
  if (run->kind != LO_T || !beats->has_pending) return false;
  if (run->onset - beats->pending.qrs.offset > t_begins_within) return false;
  beats->pending.t = (lo_stretch){run->onset, run->offset};
  beats->pending.has_t = true;
  return complete(beats, done);
}

bool lo_beats_give_up_waiting(lo_beats *beats, double settled, lo_beat *done) {
  if (!beats->has_pending || settled <= beats->pending.qrs.offset + t_begins_within) return false;
  return complete(beats, done);
}

bool lo_beats_finish(lo_beats *beats, lo_beat *done) {
  return beats->has_pending && complete(beats, done);
}
