/* See kernels.h. */
#include "kernels.h"

#include "dsp.h"
#include "lanes.h"

enum { ADD_SHIFT = 20 }; /* bits that an addition's inputs gain before they meet */

/* Bytes of four channels' weights in a depthwise convolution. */
static int32_t four_of(const lo_conv *conv) { return (conv->kernel + 1) / 2 * 8; }

static int32_t quads_of(const lo_conv *conv, int32_t in) {
  return (conv->kernel * in + LO_BYTES_TOGETHER - 1) / LO_BYTES_TOGETHER * (LO_BYTES_TOGETHER / 4);
}

#if defined(LO_DSP) && !defined(LO_MVE)

#define NOINLINE __attribute__((noinline)) /* with all registers to itself */

enum { CHUNK = 96 }; /* outputs whose sums the stack holds at a time */

/* Sums (channel, frame) of two frames to bytes. */
static NOINLINE void finish_two(const lo_conv *conv, const int32_t *totals, int32_t n, int8_t *y,
                                int32_t next, int32_t zero) {
  if (conv->rounds && n % 4 == 0) {
    lo_finish_two(conv, totals, n, y, next, zero);
    return;
  }
  for (int32_t c = 0; c < n; ++c) {
    y[c] = lo_finished(totals[2 * c], conv, c, (int8_t)zero);
    y[c + next] = lo_finished(totals[2 * c + 1], conv, c, (int8_t)zero);
  }
}

static NOINLINE void finish_one(const lo_conv *conv, const int32_t *totals, int32_t n, int8_t *y,
                                int32_t zero) {
  if (conv->rounds && n % 4 == 0) {
    lo_finish_one(conv, totals, n, y, zero);
    return;
  }
  for (int32_t c = 0; c < n; ++c) y[c] = lo_finished(totals[c], conv, c, (int8_t)zero);
}

/* The outputs of a convolution from `first` on, as one of its own. */
static lo_conv from(const lo_conv *conv, int32_t first, int32_t weights) {
  lo_conv rest = *conv;
  rest.weights = (const int8_t *)conv->weights + weights;
  rest.outputs += first;
  rest.rights += first;
  return rest;
}

/* All outputs of two frames. */
static NOINLINE void dot_two(const int8_t *w, const uint32_t *words, int32_t quads, int32_t out,
                             int32_t *totals) {
  const int32_t blocks = (out + LO_OUTPUTS_TOGETHER - 1) / LO_OUTPUTS_TOGETHER;
  lo_dot_two(words, words + 4 * quads, w, blocks, totals);
}

static NOINLINE void dot_one(const int8_t *w, const uint32_t *words, int32_t quads, int32_t out,
                             int32_t *totals) {
  const uint32_t *end = words + 2 * quads;
  for (; out > 0; out -= LO_OUTPUTS_TOGETHER, w += 32 * quads, totals += 8) {
    lo_dot_four(words, end, w, totals);
    lo_dot_four(words, end, w + 16, totals + 4);
  }
}

/* A chunk of the outputs; frames of the whole output have `out` bytes. */
static void convolve(const lo_conv *conv, const int8_t *x, int32_t in, int8_t *y, int32_t n,
                     int32_t out, int32_t frames, int8_t zero) {
  const int32_t quads = quads_of(conv, in), step = conv->stride * in;
  uint32_t words[2 * LO_MOST_SPREAD];
  int32_t totals[2 * CHUNK];
  for (; frames >= 2; frames -= 2, x += 2 * step, y += 2 * out) {
    lo_spread(x, quads, words, 4);
    lo_spread(x + step, quads, words + 2, 4);
    dot_two(conv->weights, words, quads, n, totals);
    finish_two(conv, totals, n, y, out, zero);
  }
  if (frames > 0) {
    lo_spread(x, quads, words, 2);
    dot_one(conv->weights, words, quads, n, totals);
    finish_one(conv, totals, n, y, zero);
  }
}

void lo_convolution(const lo_conv *conv, const int8_t *x, int32_t in, int8_t *y, int32_t out,
                    int32_t frames, int8_t zero) {
  for (int32_t first = 0; first < out; first += CHUNK) {
    const lo_conv chunk = from(conv, first, first * 4 * quads_of(conv, in));
    convolve(&chunk, x, in, y + first, lo_minimum(out - first, CHUNK), out, frames, zero);
  }
}

/* Sums (channel, 2) of `n` channels of a frame. */
static NOINLINE void dot_taps(const lo_conv *conv, const int8_t *x, int32_t n, int32_t channels,
                              int32_t *totals) {
  const int8_t *w = conv->weights;
  if (conv->kernel > 1) {
    lo_dot_taps(x, n, conv->dilation * channels, w, conv->kernel, totals);
    return;
  }
  for (int32_t c = 0; c < n; ++c) totals[2 * c] = x[c] * w[c / 4 * 8 + c % 4 / 2 * 4 + c % 2];
}

void lo_depthwise(const lo_conv *conv, const int8_t *x, int32_t channels, int8_t *y,
                  int32_t frames, int8_t zero) {
  int32_t totals[2 * CHUNK];
  for (; frames > 0; frames -= 2, x += 2 * channels, y += 2 * channels) {
    const bool are_two = frames > 1;
    for (int32_t first = 0; first < channels; first += CHUNK) {
      const lo_conv chunk = from(conv, first, first / 4 * four_of(conv));
      const int32_t n = lo_minimum(channels - first, CHUNK);
      dot_taps(&chunk, x + first, n, channels, totals);
      if (are_two) dot_taps(&chunk, x + channels + first, n, channels, totals + 1);
      finish_two(&chunk, totals, n, y + first, are_two ? channels : 0, zero);
    }
  }
}

#else

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
  const int32_t quads = quads_of(conv, in), block = quads * 4 * LO_OUTPUTS_TOGETHER;
  for (int32_t t = 0; t < frames; ++t, x += conv->stride * in, y += out) {
    int32_t totals[LO_MOST_CHANNELS];
    const int8_t *weights = conv->weights;
    for (int32_t o = 0; o < out; o += LO_OUTPUTS_TOGETHER, weights += block) {
      lo_dot_of_eight(x, weights, quads, totals + o);
    }
    finish(conv, totals, y, out, zero);
  }
}

static void depthwise_four(const lo_conv *conv, const int8_t *x, int32_t channels, const int8_t *w,
                           int32_t *totals) {
  const int32_t step = conv->dilation * channels;
  for (int32_t k = 0; k < conv->kernel; k += 2, w += 8) {
    const int8_t *one = x + k * step, *other = k + 1 < conv->kernel ? one + step : one;
    for (int32_t c = 0; c < 4; ++c) {
      const int8_t *of = w + c / 2 * 4 + c % 2;
      totals[c] += (int16_t)(one[c] * of[0] + other[c] * of[2]);
    }
  }
}

void lo_depthwise(const lo_conv *conv, const int8_t *x, int32_t channels, int8_t *y,
                  int32_t frames, int8_t zero) {
  const int32_t four = four_of(conv);
  for (int32_t t = 0; t < frames; ++t, x += channels, y += channels) {
    int32_t totals[LO_MOST_CHANNELS];
    const int8_t *w = conv->weights;
    int32_t c = 0;
#if defined(LO_EIGHT_TAPS)
    for (; c + 8 <= channels; c += 8, w += 2 * four) {
      lo_eight_taps(conv, x + c, channels, w, w + four, totals + c);
    }
#endif
    for (; c < channels; c += 4, w += four) {
      for (int32_t k = 0; k < 4; ++k) totals[c + k] = 0;
      depthwise_four(conv, x + c, channels, w, totals + c);
    }
    finish(conv, totals, y, channels, zero);
  }
}

#endif

void lo_addition(const lo_add *add, const int8_t *a, const int8_t *b, int8_t *y, int32_t n,
                 const int8_t zeros[3]) {
  const int8_t *coarse = add->second_is_coarse ? b : a, *fine = add->second_is_coarse ? a : b;
  const int32_t coarse_zero = zeros[add->second_is_coarse] * (1 << (ADD_SHIFT - 1));
  const bool are_equal = add->fine.shift == 0; /* half too: shifted by one more, and back */
  const int32_t raise = ADD_SHIFT + 1 + are_equal, right = are_equal ? 1 : -add->fine.shift;
  const int32_t fine_zero = zeros[!add->second_is_coarse] * (1 << raise);
  const int32_t value = add->fine.value, half = 1 << (right - 1);
  const int32_t out_value = add->output.value, out_right = ~add->output.shift;
  const int32_t lift = (2 * zeros[2] + 1) * (1 << out_right);
#if defined(LO_DSP)
  if (!are_equal && right <= 4 && n % 4 == 0) { /* so that 32 bits hold the coarse one's zero too */
    const lo_adding adding = {fine_zero, value, half - coarse_zero * (1 << right), right,
                              out_value, lift, out_right};
    lo_add_bytes(&adding, fine, coarse, y, n);
    return;
  }
#endif
  for (int32_t k = 0; k < n; ++k) {
    const int32_t raised = fine[k] * (1 << raise) - fine_zero;
    const int32_t high = lo_high_half(raised, value) + half + (raised >> 31);
    const int32_t half_coarse = coarse[k] * (1 << (ADD_SHIFT - 1)) - coarse_zero;
    const int32_t doubled = 2 * (half_coarse + (high >> right));
    const int32_t sum = lo_high_half(doubled, out_value) + lift + (doubled >> 31);
    y[k] = lo_saturated((sum >> out_right) >> 1);
  }
}
