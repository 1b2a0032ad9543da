/* See beat_model.h. */
#include "beat_model.h"

#include "waves.h"

static const float clip = 5.0f; /* of standardised features */

int32_t lo_beat_class(const lo_beat_model *model, const float features[LO_BEAT_FEATURES]) {
  float x[LO_MOST_UNITS], y[LO_MOST_UNITS];
  for (int32_t k = 0; k < LO_BEAT_FEATURES; ++k) {
    const float z = (features[k] - model->mean[k]) / model->scale[k];
    x[k] = z < -clip ? -clip : z > clip ? clip : z;
  }
  for (int32_t k = 0; k < model->count; ++k) {
    const lo_layer *layer = &model->layers[k];
    const bool is_last = k + 1 == model->count;
    const float *weights = layer->weights;
    for (int32_t o = 0; o < layer->out; ++o, weights += layer->in) {
      float total = layer->bias[o];
      LO_FOUR_AT_A_TIME
      for (int32_t i = 0; i < layer->in; ++i) total += weights[i] * x[i];
      y[o] = total < 0 && !is_last ? 0.0f : total;
    }
    __builtin_memcpy(x, y, sizeof x);
  }
  return lo_likeliest(x, LO_BEAT_CLASSES);
}
