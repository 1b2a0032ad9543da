/* See network.h. */
#include "network.h"

#include "dsp.h"
#include "kernels.h"

static int8_t *frames_of(const lo_network *network, int32_t tensor) {
  const lo_tensor *t = &network->model->tensors[tensor];
  return network->memory + t->offset + (uint32_t)t->history * t->channels;
}

uint32_t lo_network_bytes(const lo_network_model *model) { return model->bytes; }

int32_t lo_network_channels(const lo_network_model *model, int32_t which) {
  return model->tensors[model->outputs[which]].channels;
}

void lo_network_init(lo_network *network, const lo_network_model *model, int8_t *memory) {
  network->model = model;
  network->memory = memory;
  network->next = 0;
  for (int32_t k = 0; k < model->tensor_count; ++k) {
    const lo_tensor *t = &model->tensors[k];
    if (t->history == 0) continue;
    for (int32_t at = 0; at < (t->history + t->frames) * t->channels; ++at) {
      memory[t->offset + (uint32_t)at] = t->zero;
    }
  }
}

/* Bytes to where they come from or before that. */
static void move(int8_t *to, const int8_t *from, int32_t n) {
#if defined(LO_DSP)
  if ((((uintptr_t)to | (uintptr_t)from | (uintptr_t)n) & 3) == 0) {
    lo_move_words(to, from, n);
    return;
  }
#endif
  __builtin_memmove(to, from, (size_t)n);
}

/* The first frame that a convolution's first output sees. */
static const int8_t *seen_by(const lo_network *network, const lo_node *node, const lo_conv *conv) {
  const int32_t behind = (conv->kernel - 1) * conv->dilation + 1 - conv->stride;
  const int32_t in = network->model->tensors[node->inputs[0]].channels;
  return frames_of(network, node->inputs[0]) - behind * in;
}

static void convolve(const lo_network *network, const lo_node *node) {
  const lo_tensor *in = &network->model->tensors[node->inputs[0]];
  const lo_tensor *out = &network->model->tensors[node->output];
  const lo_conv *conv = &network->model->convs[node->index];
  const int8_t *x = seen_by(network, node, conv);
  int8_t *y = frames_of(network, node->output);
  if (node->operation == LO_DEPTHWISE) {
    lo_depthwise(conv, x, in->channels, y, out->frames, out->zero);
  } else {
    lo_convolution(conv, x, in->channels, y, out->channels, out->frames, out->zero);
  }
}

static void add(const lo_network *network, const lo_node *node) {
  const lo_tensor *tensors = network->model->tensors;
  const lo_tensor *out = &tensors[node->output];
  const int8_t zeros[3] = {tensors[node->inputs[0]].zero, tensors[node->inputs[1]].zero, out->zero};
  lo_addition(&network->model->adds[node->index], frames_of(network, node->inputs[0]),
              frames_of(network, node->inputs[1]), frames_of(network, node->output),
              out->frames * out->channels, zeros);
}

/* Upsampled and delayed frames side by side: bytes move, nothing is computed. */
static void join(const lo_network *network, const lo_node *node) {
  const lo_join *joined = &network->model->joins[node->index];
  const lo_tensor *out = &network->model->tensors[node->output];
  int8_t *y = frames_of(network, node->output);
  for (int32_t t = 0; t < out->frames; ++t) {
    for (int32_t k = 0; k < 2; ++k) {
      const int32_t channels = network->model->tensors[node->inputs[k]].channels;
      const int32_t frame = (joined->parts[k].halved ? t / 2 : t) - joined->parts[k].delay;
      const int8_t *x = frames_of(network, node->inputs[k]) + frame * channels;
      move(y, x, channels);
      y += channels;
    }
  }
}

static void keep_history(const lo_network *network) {
  for (int32_t k = 0; k < network->model->tensor_count; ++k) {
    const lo_tensor *t = &network->model->tensors[k];
    if (t->history == 0) continue;
    int8_t *memory = network->memory + t->offset;
    const int32_t step = t->frames * t->channels;
    move(memory, memory + step, t->history * t->channels);
  }
}

void lo_network_begin(lo_network *network, const int8_t x[LO_HOP_SAMPLES][LO_INPUTS]) {
  keep_history(network); /* of the hop before, whose outputs have been read */
  __builtin_memcpy(frames_of(network, 0), x, LO_HOP_SAMPLES * LO_INPUTS);
  network->next = 0;
}

void lo_network_run(lo_network *network, int32_t slice) {
  const lo_network_model *model = network->model;
  for (; network->next < model->slices[slice]; ++network->next) {
    const lo_node *node = &model->nodes[network->next];
    switch (node->operation) {
      case LO_ADD: add(network, node); break;
      case LO_JOIN: join(network, node); break;
      default: convolve(network, node);
    }
  }
}

void lo_network_push(lo_network *network, const int8_t x[LO_HOP_SAMPLES][LO_INPUTS]) {
  lo_network_begin(network, x);
  for (int32_t slice = 0; slice < LO_SLICES; ++slice) lo_network_run(network, slice);
}

const int8_t *lo_network_output(const lo_network *network, int32_t which) {
  return frames_of(network, network->model->outputs[which]);
}

float lo_network_real(const lo_network *network, int32_t which, int8_t step) {
  const lo_network_model *model = network->model;
  return (float)(step - model->tensors[model->outputs[which]].zero) * model->scales[which];
}
