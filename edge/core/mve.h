/* The loops of lanes.h on a Cortex-M with vectors (MVE, "Helium"): M55, M85. */
#ifndef LEADONE_MVE_H
#define LEADONE_MVE_H

#include "network.h"

#if defined(__ARM_FEATURE_MVE)
#define LO_MVE

#include <arm_mve.h>

/* Sixteen products an instruction: an output's bytes are gathered from four blocks of eight outputs. */
static inline void lo_dot_of_eight(const int8_t *x, const int8_t *w, int32_t quads,
                                   int32_t totals[8]) {
  const uint32x4_t blocks = vidupq_n_u32(0, 8); /* words from one to the next */
  for (int32_t o = 0; o < 8; o += 4, w += 16, totals += 4) {
    const int32_t *of = (const int32_t *)(const void *)w;
    const int8_t *from = x;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (int32_t q = quads; q > 0; q -= 4, from += 16, of += 32) {
      const mve_pred16_t left = vctp32q((uint32_t)q);
      const int8x16_t in = vldrbq_z_s8(from, left);
      a = vmladavaq_s8(a, in, (int8x16_t)vldrwq_gather_shifted_offset_z_s32(of, blocks, left));
      b = vmladavaq_s8(b, in, (int8x16_t)vldrwq_gather_shifted_offset_z_s32(of + 1, blocks, left));
      c = vmladavaq_s8(c, in, (int8x16_t)vldrwq_gather_shifted_offset_z_s32(of + 2, blocks, left));
      d = vmladavaq_s8(d, in, (int8x16_t)vldrwq_gather_shifted_offset_z_s32(of + 3, blocks, left));
    }
    totals[0] = a, totals[1] = b, totals[2] = c, totals[3] = d;
  }
}

#define LO_EIGHT_TAPS

/* Sums of eight channels of a depthwise convolution: two taps' products fit in 16 bits. */
static inline void lo_eight_taps(const lo_conv *conv, const int8_t *x, int32_t channels,
                                 const int8_t *w, const int8_t *w_next, int32_t *totals) {
  const uint16_t next = (uint16_t)(w_next - w);
  const uint16_t places[8] = {0, 1, 4, 5, next, (uint16_t)(next + 1), (uint16_t)(next + 4),
                              (uint16_t)(next + 5)};
  const uint16x8_t at = vldrhq_u16(places);
  const int32_t step = conv->dilation * channels;
  int32x4x2_t sums = {{vdupq_n_s32(0), vdupq_n_s32(0)}}; /* of even and of odd channels */
  for (int32_t k = 0; k < conv->kernel; k += 2, w += 8, x += 2 * step) {
    const int16x8_t one = vldrbq_s16(x);
    const int16x8_t other = vldrbq_s16(k + 1 < conv->kernel ? x + step : x);
    const int16x8_t both = vaddq_s16(vmulq_s16(one, vldrbq_gather_offset_s16(w, at)),
                                     vmulq_s16(other, vldrbq_gather_offset_s16(w + 2, at)));
    sums.val[0] = vaddq_s32(sums.val[0], vmovlbq_s16(both));
    sums.val[1] = vaddq_s32(sums.val[1], vmovltq_s16(both));
  }
  vst2q_s32(totals, sums);
}

/* As lo_finished; VRMULH is lo_high_half, VRSHL rounds. */
static inline void lo_finish_four(const int32_t *totals, const lo_conv *conv, int32_t k,
                                  int8_t zero, int8_t *y) {
  const int32x4x2_t of = vld2q_s32(&conv->outputs[k].doubled_bias);
  const int32x4_t sum = vaddq_s32(vldrwq_s32(totals), vshrq_n_s32(of.val[0], 1));
  const int32x4_t high = vrmulhq_s32(vshlq_n_s32(sum, 1), of.val[1]);
  const int32x4_t by = vmvnq_s32(vldrbq_s32(conv->rights + k)); /* to the left */
  const int32x4_t scaled = vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), by);
  const int32x4_t byte = vminq_s32(vaddq_n_s32(scaled, zero), vdupq_n_s32(127));
  vstrbq_s32(y, vmaxq_s32(byte, vdupq_n_s32(-128)));
}

static inline void lo_finish_eight(const int32_t *totals, const lo_conv *conv, int32_t k,
                                   int8_t zero, int8_t *y) {
  if (conv->rounds) {
    lo_finish_four(totals, conv, k, zero, y);
    lo_finish_four(totals + 4, conv, k + 4, zero, y + 4);
    return;
  }
  for (int32_t o = 0; o < 8; ++o) y[o] = lo_finished(totals[o], conv, k + o, zero);
}

#endif
#endif
