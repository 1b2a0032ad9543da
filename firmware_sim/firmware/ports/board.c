/* The port to a simulated board: registers, in front of any maker's own. */
#include "device.h"

enum { LEAD_IS_OFF = 1 };

typedef struct {
  int32_t adc_code; /* of the sample that the interrupt is about */
  uint32_t adc_status;
  uint32_t watchdog;      /* written: the dog is fed */
  uint32_t link_length;   /* bytes of what the next word points to */
  uint32_t link_start;    /* written: the link takes them from memory, as by DMA */
  uint32_t alert;
  uint32_t uart_byte;     /* received */
  uint32_t uart_length;   /* to send, as on the link */
  uint32_t uart_start;
  uint32_t flash_address;
  uint32_t flash_word;    /* written: programmed */
  uint32_t flash_erase;   /* written: the page at this address */
  uint32_t reset_cause;
  uint32_t reset;         /* written: the device resets */
} registers;

#define DEVICE ((volatile registers *)0x40000000u)

static uint32_t address_of(const void *at) { return (uint32_t)(uintptr_t)at; }

bool device_sample(int32_t *code) {
  *code = DEVICE->adc_code;
  return !(DEVICE->adc_status & LEAD_IS_OFF);
}

uint8_t device_uart_byte(void) { return (uint8_t)DEVICE->uart_byte; }

void device_uart_send(const void *bytes, uint32_t count) {
  DEVICE->uart_length = count;
  DEVICE->uart_start = address_of(bytes);
}

void device_tell(const void *event, uint32_t bytes) {
  DEVICE->link_length = bytes;
  DEVICE->link_start = address_of(event);
}

void device_show_alerts(uint32_t bits) { DEVICE->alert = bits; }

void device_feed_watchdog(void) { DEVICE->watchdog = 1; }

void device_flash_program(uint32_t at, uint32_t word) {
  DEVICE->flash_address = at;
  DEVICE->flash_word = word;
}

void device_flash_erase(uint32_t page_at) { DEVICE->flash_erase = page_at; }

device_reset_cause device_why_reset(void) { return (device_reset_cause)DEVICE->reset_cause; }

void device_reset(void) {
  DEVICE->reset = 1;
  for (;;) {
  }
}

void device_sleep(void) { __asm__ volatile("wfi"); }
