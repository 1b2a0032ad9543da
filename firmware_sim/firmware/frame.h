/* Frames on a UART: COBS (Cheshire 1997) around content and its CRC-32, each ended by a zero. Garbage costs
 * the frame that it falls into, never the one that follows.
 */
#ifndef FIRMWARE_FRAME_H
#define FIRMWARE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_CONTENT_BYTES = 252, FRAME_CRC_BYTES = 4 };
enum { FRAME_ROOM = FRAME_CONTENT_BYTES + FRAME_CRC_BYTES + 4 }; /* two codes, zero, spare */

typedef struct {
  uint8_t bytes[FRAME_ROOM]; /* content, and behind it what encoding needs */
  uint32_t count;
  uint8_t left;     /* of the block that is read */
  bool ends_zero;   /* the block stands for a zero behind it */
  bool is_broken;   /* until the next zero */
} frame;

void frame_clear(frame *f);

/* The next byte; whether it ends a frame that is whole: its content is `bytes`, `count` of it. Clear it then. */
bool frame_take(frame *f, uint8_t byte);

/* Add CRC and encode in place; `bytes`, `count` of them, are for the wire. */
void frame_seal(frame *f);

#endif
