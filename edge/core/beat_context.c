/* See beat_context.h. */
#include "beat_context.h"

#include "filters.h"

enum { SHIFTS = 5, UNSHIFTED = 2, STEP = 2, PATIENCE = 12 };

#define SHAPE_STEPS 127 /* a shape of the past is kept in bytes */

static const float alike = 0.9f, first_rr = 200.0f, longest_rr = 500.0f;
static const double least_width = 3.0;
static const float least_mv = 1e-3f, follows = 0.15f;
static const float early = -0.12f, wide = 0.223143551f /* ln 1.25 */, unlike = 0.6f;

static void remember(lo_recent *recent, float value) {
  recent->values[recent->next] = value;
  recent->next = (uint8_t)((recent->next + 1) % LO_RR_BEATS);
  if (recent->count < LO_RR_BEATS) recent->count += 1;
}

static float median_of(const lo_recent *recent, float otherwise) {
  if (recent->count == 0) return otherwise;
  float sorted[LO_RR_BEATS];
  __builtin_memcpy(sorted, recent->values, sizeof sorted);
  return lo_median(sorted, recent->count);
}

static float p_share(const lo_beat_context *context) {
  int32_t count = 0;
  for (int32_t k = 0; k < context->beats; ++k) count += context->has_p >> k & 1;
  return context->beats ? (float)count / context->beats : 0.5f;
}

static void remember_p(lo_beat_context *context, bool has_p) {
  context->has_p = (uint16_t)(context->has_p << 1 | has_p);
  if (context->beats < LO_RR_BEATS) context->beats += 1;
}

static float dot(const float *a, const float *b, int32_t n) {
  float sum = 0.0f;
  LO_FOUR_AT_A_TIME
  for (int32_t k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

/* Centred and of length 1, so that a product of two is their correlation. */
static void to_unit(const float *row, int32_t n, float *unit) {
  float sum = 0.0f;
  LO_FOUR_AT_A_TIME
  for (int32_t k = 0; k < n; ++k) sum += row[k];
  LO_FOUR_AT_A_TIME
  for (int32_t k = 0; k < n; ++k) unit[k] = row[k] - sum / (float)n;
  const float length = lo_sqrtf(dot(unit, unit, n)) + 1e-6f;
  LO_FOUR_AT_A_TIME
  for (int32_t k = 0; k < n; ++k) unit[k] /= length;
}

void lo_beat_context_init(lo_beat_context *context) { *context = (lo_beat_context){0}; }

static void in_mv(const int16_t *steps, int32_t n, float *mv) {
  for (int32_t k = 0; k < n; ++k) mv[k] = (float)steps[k] / LO_STEPS_PER_MV;
}

static float likeness(const lo_beat_context *context, const float *around) {
  if (!context->has_template) return 1.0f;
  float usual[LO_QRS_LENGTH], unit[LO_QRS_LENGTH], best = -2.0f;
  in_mv(context->qrs, LO_QRS_LENGTH, unit);
  to_unit(unit, LO_QRS_LENGTH, usual);
  for (int32_t k = 0; k < SHIFTS; ++k) {
    to_unit(around + STEP * k, LO_QRS_LENGTH, unit);
    const float found = dot(unit, usual, LO_QRS_LENGTH);
    if (found > best) best = found;
  }
  return best;
}

static float tail_likeness(const lo_beat_context *context, const float *tail) {
  if (!context->has_template) return 1.0f;
  float usual[LO_TAIL_LENGTH], unit[LO_TAIL_LENGTH];
  in_mv(context->tail, LO_TAIL_LENGTH, unit);
  to_unit(unit, LO_TAIL_LENGTH, usual);
  to_unit(tail, LO_TAIL_LENGTH, unit);
  return dot(unit, usual, LO_TAIL_LENGTH);
}

static float alike_share(const lo_beat_context *context, const float unit[LO_QRS_LENGTH]) {
  int32_t count = 0;
  for (int32_t k = 0; k < context->seen; ++k) {
    float sum = 0.0f;
    LO_FOUR_AT_A_TIME
    for (int32_t i = 0; i < LO_QRS_LENGTH; ++i) sum += context->shapes[k][i] * unit[i];
    count += sum > alike * SHAPE_STEPS;
  }
  return context->seen ? (float)count / (float)context->seen : 1.0f;
}

static float height_of(const float *shape) {
  float low = shape[0], high = shape[0];
  for (int32_t k = 1; k < LO_QRS_LENGTH; ++k) {
    if (shape[k] < low) low = shape[k];
    if (shape[k] > high) high = shape[k];
  }
  return high - low + least_mv;
}

static void remember_time(lo_beat_context *context, double r, float rr, float usual_rr) {
  if (context->has_last) {
    if (context->last_rr > 0) {
      const float change = rr - context->last_rr;
      remember(&context->changes, (change < 0 ? -change : change) / usual_rr);
    }
    remember(&context->rr, rr);
    context->last_rr = rr;
  }
  context->last_r = r;
  context->has_last = true;
}

/* The template nearer to a beat by a share of the way. */
static void follow(int16_t *template, const float *row, int32_t n, float share) {
  for (int32_t k = 0; k < n; ++k) {
    const float before = (float)template[k] / LO_STEPS_PER_MV;
    template[k] = (int16_t)lo_round_evenf((before + share * (row[k] - before)) * LO_STEPS_PER_MV);
  }
}

static void remember_shape(lo_beat_context *context, const float *shape, const float *tail,
                           bool is_usual) {
  context->unusual = (uint8_t)(is_usual ? 0 : context->unusual + 1);
  if (!context->has_template || context->unusual > PATIENCE) {
    follow(context->qrs, shape, LO_QRS_LENGTH, 1.0f);
    follow(context->tail, tail, LO_TAIL_LENGTH, 1.0f);
    context->has_template = true;
    context->unusual = 0;
  } else if (is_usual) {
    follow(context->qrs, shape, LO_QRS_LENGTH, follows);
    follow(context->tail, tail, LO_TAIL_LENGTH, follows);
  }
}

static void remember_unit(lo_beat_context *context, const float unit[LO_QRS_LENGTH]) {
  int8_t *kept = context->shapes[context->next_shape];
  for (int32_t k = 0; k < LO_QRS_LENGTH; ++k) {
    kept[k] = (int8_t)lo_round_evenf(unit[k] * SHAPE_STEPS);
  }
  context->next_shape = (uint8_t)((context->next_shape + 1) % LO_ALIKE_BEATS);
  if (context->seen < LO_ALIKE_BEATS) context->seen += 1;
}

static float above_median(lo_recent *recent, float value) {
  const float above = value - median_of(recent, value);
  remember(recent, value);
  return above;
}

void lo_beat_context_opinion(lo_beat_context *context, const double logits[LO_BEATS],
                             float features[LO_BEAT_FEATURES]) {
  const double n = logits[LO_N], s = logits[LO_S], v = logits[LO_V];
  features[LO_BEAT_FEATURES - 2] = above_median(&context->v, (float)(v - (n > s ? n : s)));
  features[LO_BEAT_FEATURES - 1] = above_median(&context->s, (float)(s - n));
}

void lo_beat_context_features(lo_beat_context *context, double r, double width, float net_mv,
                              bool has_p, const float around[LO_AROUND],
                              float features[LO_BEAT_FEATURES]) {
  const float since = (float)(r - context->last_r);
  const float rr = !context->has_last ? first_rr : since < longest_rr ? since : longest_rr;
  const float usual_rr = median_of(&context->rr, rr);
  const float wider = (float)(width > least_width ? width : least_width);
  const float *shape = around + STEP * UNSHIFTED;
  const float *tail = around + LO_BEHIND_R + LO_TAIL_FROM;
  const float height = height_of(shape);
  const float usual_height = median_of(&context->heights, height);
  float unit[LO_QRS_LENGTH];
  to_unit(shape, LO_QRS_LENGTH, unit);
  float *f = features;
  *f++ = lo_logf(rr / usual_rr);
  *f++ = context->last_rr > 0 ? lo_logf(rr / context->last_rr) : 0.0f;
  *f++ = lo_logf(median_of(&context->changes, 0.0f) + 0.01f);
  *f++ = lo_logf(wider / median_of(&context->widths, wider));
  *f++ = likeness(context, around);
  *f++ = tail_likeness(context, tail);
  *f++ = lo_logf(height / usual_height);
  *f++ = has_p ? 1.0f : 0.0f;
  *f++ = p_share(context);
  *f++ = alike_share(context, unit);
  *f++ = lo_logf(wider);
  *f++ = (net_mv - median_of(&context->nets, net_mv)) / usual_height;
  const bool is_usual = features[0] > early && features[3] <= wide && features[4] > unlike;
  remember_time(context, r, rr, usual_rr);
  remember_shape(context, shape, tail, is_usual);
  if (is_usual || context->unusual > PATIENCE / 2) {
    remember(&context->widths, wider);
    remember(&context->heights, height);
    remember(&context->nets, net_mv);
  }
  remember_p(context, has_p);
  remember_unit(context, unit);
}
