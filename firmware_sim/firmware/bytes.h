/* Bytes of the UART between their interrupt and the main loop; one writer, one reader, no lock. */
#ifndef FIRMWARE_BYTES_H
#define FIRMWARE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

enum { BYTES_ROOM = 256 }; /* 22 ms at 115,200 baud; a power of two */

typedef struct {
  volatile uint32_t written, read; /* wrap */
  volatile uint32_t overruns;
  uint8_t kept[BYTES_ROOM];
} bytes;

static inline void bytes_put(bytes *b, uint8_t byte) {
  if (b->written - b->read >= BYTES_ROOM) {
    b->overruns = b->overruns + 1;
    return;
  }
  b->kept[b->written % BYTES_ROOM] = byte;
  b->written = b->written + 1;
}

static inline bool bytes_take(bytes *b, uint8_t *byte) {
  if (b->written == b->read) return false;
  *byte = b->kept[b->read % BYTES_ROOM];
  b->read = b->read + 1;
  return true;
}

#endif
