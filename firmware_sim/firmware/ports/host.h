/* The machine around the firmware where it is a library; the caller gives it, flash and room included. */
#ifndef FIRMWARE_HOST_H
#define FIRMWARE_HOST_H

#include <stdbool.h>
#include <stdint.h>

enum { HOST_BYTES_A_TURN = 128 }; /* of the UART, between two turns of the main loop */

typedef struct {
  uint8_t *bytes;
  uint32_t count, room, missed;
} host_bytes;

typedef struct {
  uint32_t *flash; /* from address 0 to the log's end */
  host_bytes events, sent;
  uint32_t operations; /* of the flash, so far */
  uint32_t cut_at;     /* the one in whose middle power goes */
  uint32_t noise;      /* decides what is left of it */
  uint32_t reset_cause, resets, alerts, feedings;
  int32_t code;
  uint8_t is_off, byte;
} host_machine;

/* Power comes, for a device_reset_cause; one machine at a time. False where power is lost, as all below. */
bool host_start(host_machine *machine, uint32_t cause);

/* An interrupt and a turn of the main loop for each. */
bool host_samples(const int32_t *codes, const uint8_t *is_off, uint32_t count);

/* The UART's bytes. */
bool host_receive(const uint8_t *bytes, uint32_t count);

#endif
