/* What the firmware asks of a board: a port (ports/) does it with registers, under an emulator, or
 * in a process.
 *
 * Flash is read by address and changes in two ways: a word's bits are programmed from 1 to 0, and a
 * page's are erased to 1. Power may be lost in the middle of either.
 */
#ifndef FIRMWARE_DEVICE_H
#define FIRMWARE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

enum { FLASH_ERASED = -1 }; /* a word of an erased page */

typedef enum { RESET_POWER, RESET_WATCHDOG, RESET_ASKED } device_reset_cause;

/* The sample that the interrupt is about; false where the lead is off. */
bool device_sample(int32_t *code);

/* The byte that the interrupt is about. */
uint8_t device_uart_byte(void);
void device_uart_send(const void *bytes, uint32_t count);

/* An event for whatever listens: a radio, a display. */
void device_tell(const void *event, uint32_t bytes);

/* Bit k is whether an alert of kind k goes on. */
void device_show_alerts(uint32_t bits);

/* Not fed for two seconds, the watchdog resets the device. */
void device_feed_watchdog(void);

const void *device_flash(uint32_t at);
void device_flash_program(uint32_t at, uint32_t word);
void device_flash_erase(uint32_t page_at);

device_reset_cause device_why_reset(void);
void device_reset(void);

/* Make the model whose struct lies at the beginning of a slot's image the core's own. */
void device_use_model(const void *image);

/* Until the next interrupt. */
void device_sleep(void);

/* From a port: at reset once, for each sample and byte, and after each. */
void firmware_boot(void);
void sample_interrupt(void);
void uart_interrupt(void);
void firmware_turn(void);

#endif
