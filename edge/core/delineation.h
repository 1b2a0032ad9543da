/* The middle of the spine: filtered samples at 250 Hz in, beats in samples out; the twin of
 * edge/delineation.py.
 */
#ifndef LEADONE_DELINEATION_H
#define LEADONE_DELINEATION_H

#include "beats.h"
#include "pooling.h"
#include "quality.h"

typedef struct {
  lo_network network;
  lo_run_encoder runs;
  lo_run_smoother smoother;
  lo_beats beats;
  lo_pool pool;
  int8_t hop[LO_HOP_SAMPLES][LO_INPUTS]; /* the one that comes in */
  int32_t received;                     /* filtered samples of the record */
  int32_t filled;                       /* samples in the hop */
  int32_t to_skip;                      /* the look-ahead: frames that speak of before the record */
  int16_t last;                         /* filtered sample */
  uint16_t certainty[LO_WAVE_FRAMES];   /* of the last hop's frames */
  uint8_t frame;                        /* of the last hop, the next to be read */
  uint8_t slice;                        /* of the hop before, the next to be run */
} lo_delineation;

/* `memory` as lo_delineation_bytes() says, aligned for int32_t. */
size_t lo_delineation_bytes(const lo_network_model *model);
void lo_delineation_init(lo_delineation *delineation, const lo_network_model *model,
                         const lo_beat_model *beat_model, void *memory);

/* Take a filtered sample, and do its share of the work on the hop before; whether it completed that,
 * whose beats then are to be asked for. What frames show goes to `quality`. `is_real` is false
 * behind the end of the record.
 */
bool lo_delineation_push(lo_delineation *delineation, int16_t filtered, bool is_real,
                         lo_quality *quality);

/* No sample follows now: the work left on the last hop; whether there was one, as above. */
bool lo_delineation_flush(lo_delineation *delineation, lo_quality *quality);

/* The next beat that the last hop completed, if there is one. */
bool lo_delineation_next(lo_delineation *delineation, lo_beat *beat);

/* Every sample has been pushed and read: the next beat that the end completes. Call with 0, 1, 2. */
bool lo_delineation_finish(lo_delineation *delineation, int32_t step, lo_beat *beat);

/* Samples to hold behind the end of a record, so that its last one is spoken of. */
int32_t lo_delineation_padding(const lo_delineation *delineation);

/* Every beat with its R peak before this sample has been given. */
double lo_delineation_settled(lo_delineation *delineation);

#endif
