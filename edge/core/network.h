/* The int8 network, a hop at a time; the twin of edge/network.py in the integers of TFLM.
 *
 * A generated model.c holds the tables. Tensors lie in one block of bytes that the caller gives,
 * (frame, channel), those with a past behind it: what a convolution or a delay still needs of it.
 */
#ifndef LEADONE_NETWORK_H
#define LEADONE_NETWORK_H

#include "core.h"

enum { LO_OUTPUTS_TOGETHER = 8, LO_BYTES_TOGETHER = 4 };
enum { LO_MOST_CHANNELS = 352, LO_MOST_SEEN = 352 }; /* the phone's widest */
enum { LO_INPUTS = 2, LO_WAVE_FRAMES = LO_HOP_SAMPLES / LO_WAVE_FRAME_SAMPLES };
enum { LO_BEAT_FRAMES = LO_HOP_SAMPLES / LO_BEAT_FRAME_SAMPLES, LO_WAVES = 4, LO_BEATS = 4 };

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

/* The input's zero is in the bias; a channel's multiplier is value / 2^31 * 2^shift.
 *
 * Weights of eight outputs lie together, for four bytes of the input after the other:
 * (out / 8, kernel * in / 4, 8, 4), filled up with zeros; depthwise (kernel, channels).
 */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *values;
  const int8_t *shifts;
  uint8_t kernel;
  uint8_t stride;
  uint8_t dilation;
} lo_conv;

typedef struct {
  lo_multiplier inputs[2];
  lo_multiplier output;
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
  uint8_t outputs[3]; /* waves, beats, deep: tensors */
  float scales[3];    /* of the outputs' steps */
  float input_scale;
} lo_network_model;

typedef struct {
  const lo_network_model *model;
  int8_t *memory; /* model->bytes */
} lo_network;

/* What the caller has to give. */
uint32_t lo_network_bytes(const lo_network_model *model);

/* Channels of an output: 0 waves, 1 beats, 2 deep. */
int32_t lo_network_channels(const lo_network_model *model, int32_t which);

/* A silent past. */
void lo_network_init(lo_network *network, const lo_network_model *model, int8_t *memory);

/* The next hop; the outputs can then be read. */
void lo_network_push(lo_network *network, const int8_t x[LO_HOP_SAMPLES][LO_INPUTS]);

/* An output's frames of the last hop, (frame, channel). */
const int8_t *lo_network_output(const lo_network *network, int32_t which);

/* What a step of an output stands for. */
float lo_network_real(const lo_network *network, int32_t which, int8_t step);

#endif
