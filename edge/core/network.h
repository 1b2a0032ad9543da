/* The int8 network, a hop at a time; the twin of edge/network.py in the integers of TFLM.
 *
 * A generated model.c holds the tables. Tensors lie in one block of bytes that the caller gives,
 * (frame, channel), those with a past behind it: what a convolution or a delay still needs of it.
 */
#ifndef LEADONE_NETWORK_H
#define LEADONE_NETWORK_H

#include "core.h"

enum { LO_OUTPUTS_TOGETHER = 8, LO_BYTES_TOGETHER = 8 };
enum { LO_MOST_CHANNELS = 352, LO_MOST_SEEN = 352 }; /* the phone's widest */
enum { LO_WAVE_FRAMES = LO_HOP_SAMPLES / LO_WAVE_FRAME_SAMPLES };
enum { LO_BEAT_FRAMES = LO_HOP_SAMPLES / LO_BEAT_FRAME_SAMPLES, LO_WAVES = 4, LO_BEATS = 4 };

/* A hop's nodes are run bit by bit while the next hop comes in; its last two samples are for reading
 * the outputs and for what follows from them.
 */
enum { LO_SLICES = LO_HOP_SAMPLES - 2 };

/* A positive real as value / 2^31 * 2^shift. */
typedef struct {
  int32_t value;
  int32_t shift;
} lo_multiplier;

typedef struct {
  uint32_t offset;
  uint16_t channels;
  uint16_t frames;  /* a hop */
  uint16_t history; /* frames of the past, before them */
  int8_t zero;
} lo_tensor;

/* How an output's sums become bytes: twice the bias, in which the input's zero is, and a multiplier
 * value / 2^31 / 2^(1 + right) with `right` in a table of its own.
 */
typedef struct {
  int32_t doubled_bias;
  int32_t value;
} lo_output;

/* Weights of eight outputs lie together, for four bytes of the input after the other:
 * (out / 8, kernel * in / 4, 8, 4), filled up with zeros to eight outputs and eight bytes, as are all
 * tables to eight outputs. Depthwise those of four channels, for two taps after the other: (channels
 * / 4, kernel / 2, 2, 2, 2), of which the last are tap and channel of a pair of channels; filled up
 * to two taps, and to eight channels.
 */
typedef struct {
  const void *weights; /* int8_t, aligned for words */
  const lo_output *outputs;
  const int8_t *rights;
  uint8_t kernel;
  uint8_t stride;
  uint8_t dilation;
  uint8_t rounds; /* every `right` is 0 to 21 */
} lo_conv;

/* Inputs meet on a grid half as fine as the coarser one's: the multiplier of that one is 1/2. */
typedef struct {
  lo_multiplier fine; /* of the other; at most 1/2, as well */
  lo_multiplier output; /* its shift is to the right */
  uint8_t second_is_coarse;
} lo_add;

/* Where half of a joined frame comes from: frame t - delay, or t / 2 of a coarser tensor. */
typedef struct {
  uint8_t delay;
  uint8_t halved;
} lo_part;

typedef struct {
  lo_part parts[2];
} lo_join;

typedef enum { LO_CONV, LO_DEPTHWISE, LO_ADD, LO_JOIN } lo_operation;

typedef struct {
  lo_operation operation;
  uint8_t inputs[2];
  uint8_t output;
  uint8_t index; /* into the table of its operation */
} lo_node;

typedef struct {
  const lo_tensor *tensors; /* the first is the input */
  const lo_node *nodes;
  const lo_conv *convs;
  const lo_add *adds;
  const lo_join *joins;
  uint32_t bytes;
  uint16_t tensor_count;
  uint16_t node_count;
  uint8_t slices[LO_SLICES]; /* nodes up to the end of each: about the same work */
  uint8_t outputs[3]; /* waves, beats, deep: tensors */
  float scales[3];    /* of the outputs' steps */
  float input_scale;
} lo_network_model;

typedef struct {
  const lo_network_model *model;
  int8_t *memory; /* model->bytes */
  int32_t next;   /* node */
} lo_network;

/* What the caller has to give. */
uint32_t lo_network_bytes(const lo_network_model *model);

/* Channels of an output: 0 waves, 1 beats, 2 deep. */
int32_t lo_network_channels(const lo_network_model *model, int32_t which);

/* A silent past. */
void lo_network_init(lo_network *network, const lo_network_model *model, int8_t *memory);

/* The next hop: begin it, and run its slices from 0 to LO_SLICES - 1; then its outputs can be read,
 * until the next one begins.
 */
void lo_network_begin(lo_network *network, const int8_t x[LO_HOP_SAMPLES][LO_INPUTS]);
void lo_network_run(lo_network *network, int32_t slice);

/* All of that at once. */
void lo_network_push(lo_network *network, const int8_t x[LO_HOP_SAMPLES][LO_INPUTS]);

/* An output's frames of the last hop, (frame, channel). */
const int8_t *lo_network_output(const lo_network *network, int32_t which);

/* What a step of an output stands for. */
float lo_network_real(const lo_network *network, int32_t which, int8_t step);

#endif
