/* The int8 kernels, bit for bit those of TFLM; the twin of distill/integer.py. */
#ifndef LEADONE_KERNELS_H
#define LEADONE_KERNELS_H

#include "network.h"

/* x (frames, in) from the first that the first output sees; y (frames, out). */
void lo_convolution(const lo_conv *conv, const int8_t *x, int32_t in, int8_t *y, int32_t out,
                    int32_t frames, int8_t zero);

void lo_depthwise(const lo_conv *conv, const int8_t *x, int32_t channels, int8_t *y,
                  int32_t frames, int8_t zero);

/* `zeros` of both inputs and of the output. */
void lo_addition(const lo_add *add, const int8_t *a, const int8_t *b, int8_t *y, int32_t n,
                 const int8_t zeros[3]);

#endif
