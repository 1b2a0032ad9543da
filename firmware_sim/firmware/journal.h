/* A log in flash that survives a loss of power at any instruction.
 *
 * Records of 32 bytes in a ring of pages. The CRC is programmed last, so that a record is there whole or
 * not at all; a page is erased only when the ring comes to it, which forgets the oldest records.
 */
#ifndef FIRMWARE_JOURNAL_H
#define FIRMWARE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

enum { JOURNAL_WORDS = 8, JOURNAL_BYTES = 32 };

typedef enum {
  JOURNAL_BOOT = 1, /* value: cause | slot in use << 8 (0xff: none) | verdicts << 16, << 24 */
  JOURNAL_ALERT,    /* value: leadone_alert_kind */
  JOURNAL_QUALITY,  /* value: leadone_state | leadone_reason << 8 */
  JOURNAL_RHYTHM,   /* value: leadone_rhythm_label */
  JOURNAL_FAULT,    /* value: journal_fault, of FAULT_MODEL | bytes of memory that the model needs << 8 */
  JOURNAL_UPDATE,   /* value: the slot's sequence; it waits for a reset */
} journal_kind;

typedef enum { FAULT_SLOT = 1, FAULT_EVENT, FAULT_MODEL } journal_fault;

enum { JOURNAL_NEVER = -1 }; /* of a time */

typedef struct {
  uint32_t sequence; /* 1, 2, ... */
  uint32_t kind;
  uint32_t boot; /* the device's first is 1 */
  uint32_t at_ms, start_ms, end_ms; /* since that boot */
  uint32_t value;
  uint32_t crc;
} journal_record;

/* Find the end of what is there. */
void journal_open(void);

/* Write a record; sequence, boot and crc are filled in. */
void journal_write(journal_record *record);

/* The boots so far, this one included. */
uint32_t journal_boot(void);

/* The sequence number of the latest record, 0 where there is none. */
uint32_t journal_latest(void);

/* The first record of at least this number; false where there is none. */
bool journal_read(uint32_t sequence, journal_record *record);

#endif
