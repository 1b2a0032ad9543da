/* Two places in flash for a model, each with a hash and a signature of its own.
 *
 * A slot holds a header, a table of the image's pointers, the image (a bundle's model.c, linked to address 0
 * and moved to where it lies), and in its last words what the device itself says of it: whether it has
 * proved itself, and how often it was tried. Nothing is believed of a slot before its hash, nothing of
 * the hash before the signature of the trusted key, or that it is the one the firmware was built with.
 */
#ifndef FIRMWARE_SLOTS_H
#define FIRMWARE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ed25519.h"
#include "layout.h"
#include "sha512.h"

enum { SLOT_MAGIC = 0x314d444c, SLOT_NAME_BYTES = 40 }; /* "LDM1" */
enum { SLOT_TRIES = 3, SLOT_NONE = -1 };

typedef struct {
  uint32_t magic;
  uint32_t layout;      /* of the core's tables: MODEL_LAYOUT */
  uint32_t sequence;    /* the newer model has the larger one */
  uint32_t image_bytes; /* a multiple of 8 */
  uint32_t pointers;    /* words of the image that hold an address in it */
  char name[SLOT_NAME_BYTES + 4];
  uint8_t hash[SHA512_BYTES]; /* of what follows the header, as it is sent */
  uint8_t signature[SIGNATURE_BYTES]; /* of what precedes it */
} slot_header;

/* The last words of a slot, programmed one after the other. */
typedef struct {
  uint32_t tries[SLOT_TRIES];
  uint32_t proved;
} slot_trial;

typedef enum {
  SLOT_GOOD,
  SLOT_EMPTY,
  SLOT_MISFIT,    /* another layout, or sizes that can't be */
  SLOT_DAMAGED,   /* not what its hash says */
  SLOT_UNTRUSTED, /* not signed by the key */
  SLOT_FAILED,    /* tried three times, and never proved itself */
  SLOT_TOO_LARGE, /* its stream needs more memory than there is */
} slot_verdict;

/* From the build. */
extern const bool trusts_a_key;
extern const uint8_t trusted_key[KEY_BYTES];
extern const uint8_t built_with[SHA512_BYTES]; /* the hash of the model that came with the firmware */

/* Whether the memory is there that the stream of a sound model needs; the rest of the firmware tells. */
bool has_room_for(const slot_header *header);

const slot_header *slot_at(uint32_t slot);
uint32_t slot_address(uint32_t slot);

/* Bytes from the header to the end of the image; 0 where sizes can't be. */
uint32_t slot_bytes(const slot_header *header);

/* From the header's beginning to the image. */
uint32_t slot_image_at(const slot_header *header);

/* The good slot with the largest sequence, or SLOT_NONE; what is wrong with the others. */
int32_t slots_choose(slot_verdict verdicts[SLOTS]);

/* The model has worked for a while: it need not be tried again. */
void slot_prove(uint32_t slot);

/* Read a word of the slot in use, round and round; false where a round's sum is not the first one's. */
bool slot_watch(uint32_t slot);

#endif
