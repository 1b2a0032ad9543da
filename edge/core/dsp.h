/* The kernels' loops on a Cortex-M with the DSP extension: two products an instruction.
 *
 * A frame's bytes are spread over halves of words once and then meet every output: bytes 0 and 2 of
 * four, then bytes 1 and 3. The loops are in assembly: compilers spill, and don't rotate within
 * SXTB16. What they compute is said in C by lanes.h and kernels.c. Two of them need all fourteen
 * registers: -fomit-frame-pointer.
 */
#ifndef LEADONE_DSP_H
#define LEADONE_DSP_H

#include "lanes.h"

#if defined(__ARM_FEATURE_DSP) && defined(__thumb__) && defined(__OPTIMIZE__)
#define LO_DSP

/* Written out, for compilers count lines to know how far code reaches; the label and all. */
#define LO_TIMES_2(code) code code
#define LO_TIMES_4(code) LO_TIMES_2(code) LO_TIMES_2(code)

enum { LO_MOST_SPREAD = LO_MOST_SEEN / 4 * 2 }; /* words of a frame */

/* `quads` times four bytes of a frame, to every `step` words, a constant; an even number of quads. */
static inline __attribute__((always_inline)) void lo_spread(const int8_t *x, int32_t quads,
                                                            uint32_t *words, int32_t step) {
  const int8_t *end = x + 4 * quads;
  uint32_t one, other, even;
  __asm__ volatile(
      "1: ldr %[one], [%[x]], #4\n"
      "ldr %[other], [%[x]], #4\n"
      "sxtb16 %[even], %[one]\n"
      "sxtb16 %[one], %[one], ror #8\n"
      "strd %[even], %[one], [%[words]], %[step]\n"
      "sxtb16 %[even], %[other]\n"
      "sxtb16 %[other], %[other], ror #8\n"
      "strd %[even], %[other], [%[words]], %[step]\n"
      "cmp %[x], %[end]\n"
      "bne 1b\n"
      : [x] "+r"(x), [words] "+r"(words), [one] "=&r"(one), [other] "=&r"(other),
        [even] "=&r"(even)
      : [step] "i"(4 * step), [end] "r"(end)
      : "cc", "memory");
}

/* A pair of outputs, whose weights begin `at` bytes behind those of the eight. */
#define LO_PAIR(at)                                                                              \
    "ldr %[x], [sp, #4]\n"                                                                       \
    "ldr %[w], [sp, #8]\n"                                                                       \
    "mov %[a], #0\n"                                                                             \
    "mov %[b], #0\n"                                                                             \
    "mov %[c], #0\n"                                                                             \
    "mov %[d], #0\n"                                                                             \
    "add %[w], %[w], #" at "\n"                                                                  \
    "1:\n"                                                                                       \
    LO_TIMES_2(                                                                                  \
    "ldmia %[x]!, {r4, r5, r6, r8}\n"                                                            \
    "ldrd %[one], %[other], [%[w]], #32\n"                                                       \
    "sxtb16 %[even], %[one]\n"                                                                   \
    "sxtb16 %[one], %[one], ror #8\n"                                                            \
    "smlad %[a], r4, %[even], %[a]\n"                                                            \
    "smlad %[b], r6, %[even], %[b]\n"                                                            \
    "smlad %[a], r5, %[one], %[a]\n"                                                             \
    "smlad %[b], r8, %[one], %[b]\n"                                                             \
    "sxtb16 %[even], %[other]\n"                                                                 \
    "sxtb16 %[other], %[other], ror #8\n"                                                        \
    "smlad %[c], r4, %[even], %[c]\n"                                                            \
    "smlad %[d], r6, %[even], %[d]\n"                                                            \
    "smlad %[c], r5, %[other], %[c]\n"                                                           \
    "smlad %[d], r8, %[other], %[d]\n")                                                          \
    "cmp %[x], %[end]\n"                                                                         \
    "bne 1b\n"                                                                                   \
    "ldr r4, [sp]\n"                                                                             \
    "strd %[a], %[b], [r4], #8\n"                                                                \
    "strd %[c], %[d], [r4], #8\n"                                                                \
    "str r4, [sp]\n"

/* Sums of `blocks` times eight outputs of two frames, (output, frame); `words` up to `end`. An even
 * number of quads. There are 14 registers: what a pair of outputs needs once lies on the stack.
 */
static inline void lo_dot_two(const uint32_t *words, const uint32_t *end, const int8_t *w,
                              int32_t blocks, int32_t *totals) {
  uint32_t a, b, c, d, other;
  __asm__ volatile(
      "push {%[one]}\n" /* at sp + 12: blocks */
      "push {%[w]}\n"
      "push {%[x]}\n"
      "push {%[even]}\n" /* at sp: totals */
      "2:\n"
      LO_PAIR("0") LO_PAIR("8") LO_PAIR("16") LO_PAIR("24")
      "sub %[w], %[w], #24\n"
      "ldr r4, [sp, #12]\n"
      "str %[w], [sp, #8]\n"
      "subs r4, r4, #1\n"
      "str r4, [sp, #12]\n"
      "bne 2b\n"
      "add sp, sp, #16\n"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [x] "+r"(words), [w] "+r"(w),
        [even] "+r"(totals), [one] "+r"(blocks), [other] "=&r"(other)
      : [end] "r"(end)
      : "r4", "r5", "r6", "r8", "cc", "memory");
}

/* Sums of four outputs of one frame. */
static inline void lo_dot_four(const uint32_t *words, const uint32_t *end, const int8_t *w,
                               int32_t *totals) {
  uint32_t a, b, c, d, x_even, x_odd, one, other, even;
  __asm__ volatile(
      "mov %[a], #0\n"
      "mov %[b], #0\n"
      "mov %[c], #0\n"
      "mov %[d], #0\n"
      "1:\n"
      LO_TIMES_2(
      "ldrd %[x_even], %[x_odd], [%[x]], #8\n"
      "ldrd %[one], %[other], [%[w], #8]\n"
      "sxtb16 %[even], %[one]\n"
      "sxtb16 %[one], %[one], ror #8\n"
      "smlad %[c], %[x_even], %[even], %[c]\n"
      "smlad %[c], %[x_odd], %[one], %[c]\n"
      "sxtb16 %[even], %[other]\n"
      "sxtb16 %[other], %[other], ror #8\n"
      "smlad %[d], %[x_even], %[even], %[d]\n"
      "smlad %[d], %[x_odd], %[other], %[d]\n"
      "ldrd %[one], %[other], [%[w]], #32\n"
      "sxtb16 %[even], %[one]\n"
      "sxtb16 %[one], %[one], ror #8\n"
      "smlad %[a], %[x_even], %[even], %[a]\n"
      "smlad %[a], %[x_odd], %[one], %[a]\n"
      "sxtb16 %[even], %[other]\n"
      "sxtb16 %[other], %[other], ror #8\n"
      "smlad %[b], %[x_even], %[even], %[b]\n"
      "smlad %[b], %[x_odd], %[other], %[b]\n")
      "cmp %[x], %[end]\n"
      "bne 1b\n"
      "strd %[a], %[b], [%[totals]]\n"
      "strd %[c], %[d], [%[totals], #8]\n"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [x] "+r"(words), [w] "+r"(w),
        [x_even] "=&r"(x_even), [x_odd] "=&r"(x_odd), [one] "=&r"(one), [other] "=&r"(other),
        [even] "=&r"(even)
      : [end] "r"(end), [totals] "r"(totals)
      : "cc", "memory");
}

/* A pair of taps of four channels, that lie `step` bytes apart. */
#define LO_TWO_TAPS                                                                              \
    "1: ldr %[one], [%[x]]\n"                                                                    \
    "ldr %[other], [%[x], %[step]]\n"                                                            \
    "ldrd %[low], %[high], [%[w]], #8\n"                                                         \
    "add %[x], %[x], %[step], lsl #1\n"                                                          \
    "pkhbt %[pair], %[one], %[other], lsl #16\n"                                                 \
    "pkhtb %[one], %[other], %[one], asr #16\n"                                                  \
    "sxtb16 %[other], %[pair]\n"                                                                 \
    "sxtb16 %[even], %[low]\n"                                                                   \
    "sxtb16 %[pair], %[pair], ror #8\n"                                                          \
    "sxtb16 %[low], %[low], ror #8\n"                                                            \
    "smlad %[a], %[other], %[even], %[a]\n"                                                      \
    "smlad %[b], %[pair], %[low], %[b]\n"                                                        \
    "sxtb16 %[other], %[one]\n"                                                                  \
    "sxtb16 %[even], %[high]\n"                                                                  \
    "sxtb16 %[one], %[one], ror #8\n"                                                            \
    "sxtb16 %[high], %[high], ror #8\n"                                                          \
    "smlad %[c], %[other], %[even], %[c]\n"                                                      \
    "smlad %[d], %[one], %[high], %[d]\n"                                                        \
    "cmp %[w], %[end]\n"                                                                         \
    "bne 1b\n"

/* The tap that an odd number leaves. */
#define LO_LAST_TAP                                                                              \
    "ldr %[one], [%[x]]\n"                                                                       \
    "ldrd %[low], %[high], [%[w]], #8\n"                                                         \
    "sxtb16 %[other], %[one]\n"                                                                  \
    "sxtb16 %[even], %[low]\n"                                                                   \
    "sxtb16 %[one], %[one], ror #8\n"                                                            \
    "sxtb16 %[low], %[low], ror #8\n"                                                            \
    "smlabb %[a], %[other], %[even], %[a]\n"                                                     \
    "smlabb %[b], %[one], %[low], %[b]\n"                                                        \
    "sxtb16 %[even], %[high]\n"                                                                  \
    "sxtb16 %[high], %[high], ror #8\n"                                                          \
    "smlatb %[c], %[other], %[even], %[c]\n"                                                     \
    "smlatb %[d], %[one], %[high], %[d]\n"

/* Four channels after the other; what they need once lies on the stack. */
#define LO_TAPS(last_tap)                                                                        \
    "push {%[d]}\n" /* at sp + 12: behind the last channel */                                    \
    "push {%[c]}\n" /* at sp + 8: a four's weights, in bytes */                                  \
    "push {%[b]}\n" /* at sp + 4: totals */                                                      \
    "push {%[x]}\n"                                                                              \
    "2: mov %[a], #0\n"                                                                          \
    "mov %[b], #0\n"                                                                             \
    "mov %[c], #0\n"                                                                             \
    "mov %[d], #0\n"                                                                             \
    LO_TWO_TAPS last_tap                                                                         \
    "ldrd %[x], %[one], [sp]\n"                                                                  \
    "str %[a], [%[one]], #8\n"                                                                   \
    "str %[b], [%[one]], #8\n"                                                                   \
    "str %[c], [%[one]], #8\n"                                                                   \
    "str %[d], [%[one]], #8\n"                                                                   \
    "add %[x], %[x], #4\n"                                                                       \
    "strd %[x], %[one], [sp]\n"                                                                  \
    "ldrd %[one], %[other], [sp, #8]\n"                                                          \
    "add %[end], %[end], %[one]\n"                                                               \
    "cmp %[x], %[other]\n"                                                                       \
    "blo 2b\n"                                                                                   \
    "add sp, sp, #16\n"

/* Sums (channel, 2) of `n` channels of a frame, rounded up to fours, over two or more taps. */
static inline void lo_dot_taps(const int8_t *x, int32_t n, int32_t step, const int8_t *w,
                               int32_t taps, int32_t *totals) {
  const int8_t *end = w + 4 * (taps & ~1);
  uint32_t a, one, other, pair, low, high, even;
  int32_t *b = totals;
  int32_t c = (taps + 1) / 2 * 8;
  const int8_t *d = x + n;
#define LO_SUM_TAPS(code)                                                                        \
  __asm__ volatile(code                                                                          \
                   : [a] "=&r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x),           \
                     [w] "+r"(w), [end] "+r"(end), [one] "=&r"(one), [other] "=&r"(other),       \
                     [pair] "=&r"(pair), [low] "=&r"(low), [high] "=&r"(high),                   \
                     [even] "=&r"(even)                                                          \
                   : [step] "r"(step)                                                            \
                   : "cc", "memory")
  if (taps & 1) {
    LO_SUM_TAPS(LO_TAPS(LO_LAST_TAP));
  } else {
    LO_SUM_TAPS(LO_TAPS(""));
  }
#undef LO_SUM_TAPS
}

/* Sums (channel, frame) of `n` channels and two frames to bytes: lo_scaled, and the output's zero,
 * in five instructions each. For shifts to the right, as lo_conv's `rounds` says, and fours of channels.
 *
 * With n = -shift, half = 2^(n - 1) and high = lo_high_half(doubled, value), gemmlowp's is
 * ((high + half - (high < 0)) >> n) + zero. Here half + (zero << n) is added by the multiplication,
 * and doubled < 0 stands for high < 0: where they differ high is 0, and half - 1 and half both
 * shift to 0. The last bit of the shift is SSAT's. Where zero is -128, as behind a ReLU, all that is
 * negative saturates, with or without the 1: `away` is left out.
 */
#define LO_FINISH_TWO(away)                                                                      \
  "1:\n"                                                                                         \
  LO_TIMES_4("ldrsb %[right], [%[rights]], #1\n"                                                 \
             "ldrd %[of], %[value], [%[outputs]], #8\n"                                          \
             "ldrd %[one], %[other], [%[totals]], #8\n"                                          \
             "lsl %[lift], %[zero], %[right]\n"                                                  \
             "add %[one], %[of], %[one], lsl #1\n"                                               \
             "add %[other], %[of], %[other], lsl #1\n"                                           \
             "smmlar %[of], %[one], %[value], %[lift]\n"                                         \
             "smmlar %[value], %[other], %[value], %[lift]\n"                                    \
             away("of", "one") away("value", "other")                                            \
             "asr %[of], %[of], %[right]\n"                                                      \
             "asr %[value], %[value], %[right]\n"                                                \
             "ssat %[of], #8, %[of], asr #1\n"                                                   \
             "ssat %[value], #8, %[value], asr #1\n"                                             \
             "strb %[value], [%[y], %[next]]\n"                                                  \
             "strb %[of], [%[y]], #1\n")                                                         \
  "cmp %[outputs], %[end]\n"                                                                     \
  "bne 1b\n"

#define LO_AWAY(of, from) "add %[" of "], %[" of "], %[" from "], asr #31\n"
#define LO_NOT_AWAY(of, from)

static inline void lo_finish_two(const lo_conv *conv, const int32_t *totals, int32_t n, int8_t *y,
                                 int32_t next, int32_t zero) {
  const lo_output *outputs = conv->outputs, *end = outputs + n;
  const int8_t *rights = conv->rights;
  uint32_t right, lift, value, one, other, of;
#define LO_FINISH(code)                                                                          \
  __asm__ volatile(code                                                                          \
                   : [outputs] "+r"(outputs), [rights] "+r"(rights), [totals] "+r"(totals),      \
                     [y] "+r"(y), [right] "=&r"(right), [lift] "=&r"(lift),                      \
                     [value] "=&r"(value), [one] "=&r"(one), [other] "=&r"(other),               \
                     [of] "=&r"(of)                                                              \
                   : [next] "r"(next), [zero] "r"(2 * zero + 1), [end] "r"(end)                  \
                   : "cc", "memory")
  if (zero == -128) {
    LO_FINISH(LO_FINISH_TWO(LO_NOT_AWAY));
  } else {
    LO_FINISH(LO_FINISH_TWO(LO_AWAY));
  }
#undef LO_FINISH
}

/* The same of one frame. */
#define LO_FINISH_ONE(away)                                                                      \
  "1:\n"                                                                                         \
  LO_TIMES_4("ldrsb %[right], [%[rights]], #1\n"                                                 \
             "ldrd %[of], %[value], [%[outputs]], #8\n"                                          \
             "ldr %[one], [%[totals]], #4\n"                                                     \
             "lsl %[lift], %[zero], %[right]\n"                                                  \
             "add %[one], %[of], %[one], lsl #1\n"                                               \
             "smmlar %[of], %[one], %[value], %[lift]\n"                                         \
             away("of", "one")                                                                   \
             "asr %[of], %[of], %[right]\n"                                                      \
             "ssat %[of], #8, %[of], asr #1\n"                                                   \
             "strb %[of], [%[y]], #1\n")                                                         \
  "cmp %[outputs], %[end]\n"                                                                     \
  "bne 1b\n"

static inline void lo_finish_one(const lo_conv *conv, const int32_t *totals, int32_t n, int8_t *y,
                                 int32_t zero) {
  const lo_output *outputs = conv->outputs, *end = outputs + n;
  const int8_t *rights = conv->rights;
  uint32_t right, lift, value, one, of;
#define LO_FINISH(code)                                                                          \
  __asm__ volatile(code                                                                          \
                   : [outputs] "+r"(outputs), [rights] "+r"(rights), [totals] "+r"(totals),      \
                     [y] "+r"(y), [right] "=&r"(right), [lift] "=&r"(lift),                      \
                     [value] "=&r"(value), [one] "=&r"(one), [of] "=&r"(of)                      \
                   : [zero] "r"(2 * zero + 1), [end] "r"(end)                                    \
                   : "cc", "memory")
  if (zero == -128) {
    LO_FINISH(LO_FINISH_ONE(LO_NOT_AWAY));
  } else {
    LO_FINISH(LO_FINISH_ONE(LO_AWAY));
  }
#undef LO_FINISH
}

/* What an addition does to a byte, its zeros and roundings in three numbers. */
typedef struct {
  int32_t fine_zero, fine_value, fine_lift, fine_right;
  int32_t out_value, out_lift, out_right;
} lo_adding;

/* kernels.c says in C what this computes; n > 0 is a multiple of 4. */
static inline void lo_add_bytes(const lo_adding *adding, const int8_t *fine, const int8_t *coarse,
                                int8_t *y, int32_t n) {
  const lo_adding of = *adding;
  const int8_t *end = fine + n;
  int32_t one, other;
  __asm__ volatile(
      "1:\n"
      LO_TIMES_4("ldrsb %[one], [%[fine]], #1\n"
                 "rsb %[one], %[zero], %[one], lsl #21\n"
                 "smmlar %[other], %[one], %[value], %[lift]\n"
                 "add %[other], %[other], %[one], asr #31\n"
                 "asr %[other], %[other], %[right]\n"
                 "ldrsb %[one], [%[coarse]], #1\n"
                 "add %[other], %[other], %[one], lsl #19\n"
                 "lsl %[other], %[other], #1\n"
                 "smmlar %[one], %[other], %[out_value], %[out_lift]\n"
                 "add %[one], %[one], %[other], asr #31\n"
                 "asr %[one], %[one], %[out_right]\n"
                 "ssat %[one], #8, %[one], asr #1\n"
                 "strb %[one], [%[y]], #1\n")
      "cmp %[fine], %[end]\n"
      "bne 1b\n"
      : [fine] "+r"(fine), [coarse] "+r"(coarse), [y] "+r"(y), [one] "=&r"(one),
        [other] "=&r"(other)
      : [zero] "r"(of.fine_zero), [value] "r"(of.fine_value), [lift] "r"(of.fine_lift),
        [right] "r"(of.fine_right), [out_value] "r"(of.out_value), [out_lift] "r"(of.out_lift),
        [out_right] "r"(of.out_right), [end] "r"(end)
      : "cc", "memory");
}

/* Bytes that lie before those they are read from; all aligned for words, n > 0 a multiple of 4. */
static inline void lo_move_words(int8_t *to, const int8_t *from, int32_t n) {
  const int8_t *end = from + (n & ~31);
  if (from != end) {
    __asm__ volatile(
        "1: ldmia %[from]!, {r2, r3, r4, r5, r6, r8, r10, r11}\n"
        "stmia %[to]!, {r2, r3, r4, r5, r6, r8, r10, r11}\n"
        "cmp %[from], %[end]\n"
        "bne 1b\n"
        : [from] "+r"(from), [to] "+r"(to)
        : [end] "r"(end)
        : "r2", "r3", "r4", "r5", "r6", "r8", "r10", "r11", "cc", "memory");
  }
  for (n &= 31; n > 0; n -= 4, from += 4, to += 4) __builtin_memcpy(to, from, 4);
}

#endif
#endif
