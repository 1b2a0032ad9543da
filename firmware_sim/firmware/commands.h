/* What a host may ask over the UART, a frame each; every answer begins with the request's kind | 0x80, its
 * tag, and a command_result.
 *
 *   status                        -> device_status
 *   events     on: u8             -> ; while on, each event is a frame of kind COMMAND_EVENT
 *   read log   from: u32          -> up to seven journal_record from that number on
 *   begin      slot_header        ->
 *   data       offset: u32, bytes ->
 *   end                           -> ; the next reset tries the model
 *   reset                         -> nothing: the device resets
 *
 * Unasked, at boot: a fault that the device goes on with is a journal_record in a frame of kind COMMAND_FAULT.
 */
#ifndef FIRMWARE_COMMANDS_H
#define FIRMWARE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "leadone.h"
#include "slots.h"

typedef enum {
  COMMAND_STATUS = 1,
  COMMAND_EVENTS,
  COMMAND_READ_LOG,
  COMMAND_UPDATE_BEGIN,
  COMMAND_UPDATE_DATA,
  COMMAND_UPDATE_END,
  COMMAND_RESET,
  COMMAND_EVENT = 0x40,
  COMMAND_FAULT,
} command_kind;

typedef enum { COMMAND_UNKNOWN = 0x10, COMMAND_MALFORMED } command_result; /* or an update_result */

typedef struct {
  uint32_t samples, overruns, uart_overruns;
  uint32_t boot, latest_record;
  uint32_t sequence; /* of the model in use, 0 for none */
  uint8_t reset_cause;
  int8_t slot;
  uint8_t verdicts[SLOTS];
} device_status;

/* What the rest of the firmware knows; filled in where a status is asked for. */
void describe(device_status *status);

/* Nobody has asked for anything. */
void commands_open(void);

/* A byte of the UART. */
void commands_take(uint8_t byte);

/* An event, for whoever has asked for them. */
void commands_tell(const leadone_event *event);

/* A fault, for whoever listens. */
void commands_tell_fault(const journal_record *fault);

#endif
