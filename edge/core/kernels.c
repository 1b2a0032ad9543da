/* See kernels.h. */
#include "kernels.h"

#include "lanes.h"

enum { ADD_SHIFT = 20 }; /* bits that an addition's inputs gain before they meet */

static void finish(const lo_conv *conv, const int32_t *totals, int8_t *y, int32_t n, int8_t zero) {
  int32_t k = 0;
  for (; k + 8 <= n; k += 8) {
    lo_finish_eight(totals + k, conv->values + k, conv->shifts + k, zero, y + k);
  }
  for (; k < n; ++k) {
    y[k] = lo_saturated(lo_scaled(totals[k], conv->values[k], conv->shifts[k]) + zero);
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
    for (int32_t o = 0; o < out; ++o) totals[o] += conv->bias[o];
    finish(conv, totals, y, out, zero);
  }
}

void lo_depthwise(const lo_conv *conv, const int8_t *x, int32_t channels, int8_t *y,
                  int32_t frames, int8_t zero) {
  for (int32_t t = 0; t < frames; ++t, x += channels, y += channels) {
    int32_t totals[LO_MOST_CHANNELS];
    for (int32_t c = 0; c < channels; ++c) totals[c] = conv->bias[c];
    for (int32_t k = 0; k < conv->kernel; ++k) {
      const int8_t *seen = x + k * conv->dilation * channels, *w = conv->weights + k * channels;
      for (int32_t c = 0; c < channels; ++c) totals[c] += (int16_t)(seen[c] * w[c]);
    }
    finish(conv, totals, y, channels, zero);
  }
}

void lo_addition(const lo_add *add, const int8_t *a, const int8_t *b, int8_t *y, int32_t n,
                 const int8_t zeros[3]) {
  const lo_multiplier of_a = add->inputs[0], of_b = add->inputs[1], out = add->output;
  for (int32_t k = 0; k < n; ++k) {
    const int32_t raised_a = (a[k] - zeros[0]) * (1 << ADD_SHIFT);
    const int32_t raised_b = (b[k] - zeros[1]) * (1 << ADD_SHIFT);
    const int32_t total = lo_scaled(raised_a, of_a.value, of_a.shift) +
                          lo_scaled(raised_b, of_b.value, of_b.shift);
    y[k] = lo_saturated(lo_scaled(total, out.value, out.shift) + zeros[2]);
  }
}
