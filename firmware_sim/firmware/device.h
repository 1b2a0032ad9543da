/* The registers that the firmware knows: those of a simulated board, in front of any maker's own. */
#ifndef FIRMWARE_DEVICE_H
#define FIRMWARE_DEVICE_H

#include <stdint.h>

#define DEVICE ((volatile device *)0x40000000u)

enum { DEVICE_LEAD_OFF = 1 };

typedef struct {
  int32_t adc_code;     /* of the sample that the interrupt is about */
  uint32_t adc_status;  /* DEVICE_LEAD_OFF */
  uint32_t watchdog;    /* written: the dog is fed */
  uint32_t link_length; /* bytes of what the next word points to */
  uint32_t link_start;  /* written: the host link takes them from memory */
  uint32_t alert;       /* written: bit k is whether alert of kind k goes on */
} device;

#endif
