/* See delineation.h. */
#include "delineation.h"

#include "frontend.h"

enum { ALL_READ = LO_WAVE_FRAMES + 2 }; /* behind the frames, two looks at what is open */
enum { HEARD = LO_SLICES, TOLD, NO_HOP }; /* behind a hop's slices */

static size_t rounded_up(size_t bytes) { return (bytes + 7) / 8 * 8; }

static int32_t deep_channels(const lo_network_model *model) {
  return model->tensors[model->outputs[2]].channels;
}

size_t lo_delineation_bytes(const lo_network_model *model) {
  return rounded_up(lo_pool_bytes(deep_channels(model))) + lo_network_bytes(model);
}

void lo_delineation_init(lo_delineation *d, const lo_network_model *model,
                         const lo_beat_model *beat_model, void *memory) {
  const size_t pool_bytes = rounded_up(lo_pool_bytes(deep_channels(model)));
  *d = (lo_delineation){.to_skip = LO_LOOKAHEAD_SAMPLES, .frame = ALL_READ, .slice = NO_HOP};
  lo_pool_init(&d->pool, deep_channels(model), model->scales[2],
               model->tensors[model->outputs[2]].zero, memory);
  lo_network_init(&d->network, model, (int8_t *)memory + pool_bytes);
  lo_run_encoder_init(&d->runs);
  lo_run_smoother_init(&d->smoother);
  lo_beats_init(&d->beats, model, beat_model);
}

static void wave_logits(const lo_delineation *d, int32_t frame, float logits[LO_WAVES]) {
  const lo_network_model *model = d->network.model;
  const int8_t *steps = lo_network_output(&d->network, 0) + frame * LO_WAVES;
  const int32_t zero = model->tensors[model->outputs[0]].zero;
  const float scale = model->scales[0];
  for (int32_t k = 0; k < LO_WAVES; ++k) logits[k] = (float)(steps[k] - zero) * scale;
}

/* The hop's outputs are there: what speaks of the record goes to those who keep it. */
static void read_hop(lo_delineation *d, lo_quality *quality) {
  if (d->pool.frames < d->received / LO_HOP_SAMPLES) {
    lo_pool_push(&d->pool, lo_network_output(&d->network, 2));
  }
  if (d->to_skip > 0) {
    d->to_skip -= LO_HOP_SAMPLES;
    return;
  }
  for (int32_t k = 0; k < LO_BEAT_FRAMES; ++k) {
    lo_beats_hear_logits(&d->beats, lo_network_output(&d->network, 1) + k * LO_BEATS);
  }
  for (int32_t k = 0; k < LO_WAVE_FRAMES; ++k) {
    float logits[LO_WAVES];
    wave_logits(d, k, logits);
    d->certainty[k] = lo_winning_probability(logits);
    lo_quality_push_frame(quality, d->certainty[k], lo_likeliest(logits, LO_WAVES) == LO_QRS);
  }
  d->frame = 0;
}

/* The next of the work on the hop before; whether that was its last. */
static bool work(lo_delineation *d, lo_quality *quality) {
  const int32_t slice = d->slice;
  if (slice == NO_HOP) return false;
  d->slice += 1;
  if (slice == TOLD) return true;
  if (slice == HEARD) {
    read_hop(d, quality);
    return false;
  }
  if (slice == 0) lo_network_begin(&d->network, d->hop);
  lo_network_run(&d->network, slice);
  return false;
}

bool lo_delineation_push(lo_delineation *d, int16_t filtered, bool is_real, lo_quality *quality) {
  const lo_network_model *model = d->network.model;
  const bool is_read = work(d, quality);
  if (!is_read) lo_beats_prepare(&d->beats);
  d->received += is_real;
  d->last = filtered;
  lo_beats_hear(&d->beats, filtered);
  lo_network_inputs(filtered, model->input_scale, model->tensors[0].zero, d->hop[d->filled]);
  if (++d->filled == LO_HOP_SAMPLES) d->filled = d->slice = 0;
  return is_read;
}

bool lo_delineation_flush(lo_delineation *d, lo_quality *quality) {
  while (d->slice != NO_HOP) {
    if (work(d, quality)) return true;
  }
  return false;
}

static bool smooth(lo_delineation *d, const lo_wave_run *run, lo_beat *beat) {
  lo_wave_run wave;
  return lo_run_smoother_push(&d->smoother, run, &wave) && lo_beats_step(&d->beats, &wave, beat);
}

static bool read_frame(lo_delineation *d, int32_t frame, lo_beat *beat) {
  float logits[LO_WAVES];
  lo_wave_run run;
  wave_logits(d, frame, logits);
  return lo_run_encoder_push(&d->runs, logits, d->certainty[frame], &run) && smooth(d, &run, beat);
}

/* Up to where no wave can change or appear any more. */
static double settled_runs(lo_delineation *d) {
  const lo_wave_run *held = &d->smoother.held, *open = lo_run_encoder_open(&d->runs);
  if (open->kind < 0) return 0.0;
  if (held->kind > LO_NONE) return held->onset;
  return open->kind == LO_NONE ? open->offset : open->onset;
}

bool lo_delineation_next(lo_delineation *d, lo_beat *beat) {
  while (d->frame < LO_WAVE_FRAMES) {
    if (read_frame(d, d->frame++, beat)) return true;
  }
  lo_wave_run wave;
  if (d->frame == LO_WAVE_FRAMES) {
    d->frame += 1;
    if (lo_run_smoother_release(&d->smoother, lo_run_encoder_open(&d->runs), &wave) &&
        lo_beats_step(&d->beats, &wave, beat)) {
      return true;
    }
  }
  if (d->frame == ALL_READ) return false;
  d->frame = ALL_READ;
  return lo_beats_give_up_waiting(&d->beats, settled_runs(d), beat);
}

bool lo_delineation_finish(lo_delineation *d, int32_t step, lo_beat *beat) {
  lo_wave_run wave;
  if (step == 0) return d->runs.open.kind >= 0 && smooth(d, lo_run_encoder_open(&d->runs), beat);
  if (step == 1) {
    return lo_run_smoother_finish(&d->smoother, &wave) && lo_beats_step(&d->beats, &wave, beat);
  }
  return lo_beats_finish(&d->beats, beat);
}

int32_t lo_delineation_padding(const lo_delineation *d) {
  if (d->received == 0) return 0;
  const int32_t over = (d->received + LO_LOOKAHEAD_SAMPLES) % LO_HOP_SAMPLES;
  return LO_LOOKAHEAD_SAMPLES + (over ? LO_HOP_SAMPLES - over : 0);
}

double lo_delineation_settled(lo_delineation *d) {
  const double position = settled_runs(d);
  const bool waits = d->beats.has_pending && d->beats.pending.r < position;
  return waits ? d->beats.pending.r : position;
}
