/* See kernels.h. */
#include "kernels.h"

#include "lanes.h"

enum { ADD_SHIFT = 20 }; /* bits that an addition's inputs gain before they meet */

/* From a frame's sums of products to its bytes. */
static void finish(const lo_conv *conv, const int32_t *totals, int8_t *y, int32_t n, int8_t zero) {
  const lo_conv its = *conv; /* what is written might else be thought to change it */
  int32_t k = 0;
  for (; k + 8 <= n; k += 8) {
    lo_finish_eight(totals + k, &its, k, zero, y + k);
  }
  for (; k < n; ++k) {
    y[k] = lo_finished(totals[k], &its, k, zero);
  }
}

void lo_convolution(const lo_conv *conv, const int8_t *x, int32_t in, int8_t *y, int32_t out,
                    int32_t frames, int8_t zero) {
  const int32_t quads = (conv->kernel * in + LO_BYTES_TOGETHER - 1) / LO_BYTES_TOGETHER;
  const int32_t block = quads * LO_BYTES_TOGETHER * LO_OUTPUTS_TOGETHER;
  for (int32_t t = 0; t < frames; ++t, x += conv->stride * in, y += out) {
    int32_t totals[LO_MOST_CHANNELS];
    const int8_t *weights = conv->weights;
    for (int32_t o = 0; o < out; o += LO_OUTPUTS_TOGETHER, weights += block) {
      lo_dot_of_eight(x, weights, quads, totals + o);
    }
    finish(conv, totals, y, out, zero);
  }
}

void lo_depthwise(const lo_conv *conv, const int8_t *x, int32_t channels, int8_t *y,
                  int32_t frames, int8_t zero) {
  for (int32_t t = 0; t < frames; ++t, x += channels, y += channels) {
    int32_t totals[LO_MOST_CHANNELS];
    for (int32_t c = 0; c < channels; ++c) totals[c] = 0;
    int32_t first = 0;
#if defined(LO_FOUR_CHANNELS)
    const int32_t step = conv->dilation * channels;
    for (; first + 4 <= channels; first += 4) {
      lo_depthwise_four(x + first, step, conv->weights + first, channels, conv->kernel,
                        totals + first);
    }
#endif
    for (int32_t k = 0; k < conv->kernel; ++k) {
      const int8_t *seen = x + k * conv->dilation * channels, *w = conv->weights + k * channels;
      for (int32_t c = first; c < channels; ++c) totals[c] += (int16_t)(seen[c] * w[c]);
    }
    finish(conv, totals, y, channels, zero);
  }
}

/* `lo_scaled` by one multiplier for many, without its questions. */
typedef struct {
  int32_t value, left, right;
  uint32_t half;
  int32_t away; /* from zero: all bits where something is rounded */
} scaling;

static scaling scaling_of(lo_multiplier multiplier) {
  const int32_t left = lo_maximum(multiplier.shift, 0), right = left - multiplier.shift;
  const uint32_t half = right ? 1u << (right - 1) : 0;
  return (scaling){multiplier.value, left + 1, right, half, right ? -1 : 0};
}

static int32_t scaled_by(int32_t total, scaling by) {
  const int32_t high = lo_high_half((int32_t)((uint32_t)total << by.left), by.value);
  return (int32_t)((uint32_t)high + by.half + (uint32_t)(high >> 31 & by.away)) >> by.right;
}

void lo_addition(const lo_add *add, const int8_t *a, const int8_t *b, int8_t *y, int32_t n,
                 const int8_t zeros[3]) {
  const scaling of_a = scaling_of(add->inputs[0]), of_b = scaling_of(add->inputs[1]);
  const scaling out = scaling_of(add->output);
  for (int32_t k = 0; k < n; ++k) {
    const int32_t raised_a = (a[k] - zeros[0]) * (1 << ADD_SHIFT);
    const int32_t raised_b = (b[k] - zeros[1]) * (1 << ADD_SHIFT);
    const int32_t total = scaled_by(raised_a, of_a) + scaled_by(raised_b, of_b);
    y[k] = lo_saturated(scaled_by(total, out) + zeros[2]);
  }
}
