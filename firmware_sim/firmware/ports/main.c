/* The loop of a device that has an interrupt to sleep for. */
#include "device.h"

int main(void);

int main(void) {
  firmware_boot();
  for (;;) {
    firmware_turn();
    device_sleep();
  }
}
