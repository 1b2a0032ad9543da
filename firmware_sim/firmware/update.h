/* A model that arrives in pieces and is written into the slot that is not in use.
 *
 * Its header goes in last: a slot that was begun and not ended is no slot. Whether to believe it is for
 * the next boot, which checks every slot the same way, whoever wrote it.
 */
#ifndef FIRMWARE_UPDATE_H
#define FIRMWARE_UPDATE_H

#include <stdint.h>

#include "slots.h"

typedef enum {
  UPDATE_OK,
  UPDATE_MALFORMED, /* no header, or not in the order of its bytes */
  UPDATE_MISFIT,    /* not for this firmware */
  UPDATE_OLD,       /* not newer than what is in use */
  UPDATE_NO_KEY,    /* the firmware was built to trust none */
} update_result;

/* Nothing has been begun. */
void update_open(void);

/* `in_use` may be SLOT_NONE. */
update_result update_begin(const slot_header *header, int32_t in_use);

/* What follows the header from `offset` on; whole words. */
update_result update_data(uint32_t offset, const uint8_t *bytes, uint32_t count);

/* All has come: the slot is complete. */
update_result update_end(uint32_t *sequence);

#endif
