/* Where things lie in flash. The build gives FLASH_PAGE_BYTES, SLOT_AT (two slots, one behind the other),
 * SLOT_BYTES, LOG_AT and LOG_PAGES.
 */
#ifndef FIRMWARE_LAYOUT_H
#define FIRMWARE_LAYOUT_H

enum { SLOTS = 2 };

#if SLOT_AT % FLASH_PAGE_BYTES || SLOT_BYTES % FLASH_PAGE_BYTES || LOG_AT % FLASH_PAGE_BYTES
#error slots and log begin at pages
#endif

#endif
