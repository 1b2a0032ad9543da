/* A block of samples in one call, for callers to whom a call costs more than a sample: Python,
 * JavaScript. Built on leadone.h alone.
 */
#ifndef LEADONE_BLOCK_H
#define LEADONE_BLOCK_H

#include "leadone.h"

/* Push samples and gather the events until all are taken or `room` events are there; how many
 * events, and in `taken` how many samples. NULL samples end the record. Where `room` was reached,
 * call again with the samples that are left.
 */
size_t lo_push_block(leadone *state, const float *mv, size_t count, leadone_event *events,
                     size_t room, size_t *taken);

#endif
