// SPDX-License-Identifier: MIT
// After the dead: their slots one by one, then their pins, then their process records.
//
// A record is cleared only when no owner word names its process any more: until then it says who
// was there. Dead processes do not come back to take slots, so once none is found, none will be.
// Pins are asked about one by one, since a record may have been taken over, uncleared, by the next
// process: the table was full.
// A crash leaves part of it done; the next to reap does the rest, the reaper's own slots included.
#include "alloc/reap.h"

#include "alloc/pin.h"
#include "alloc/recover.h"
#include "alloc/slot.h"
#include "base/fail.h"
#include "mapping/os.h"
#include "mapping/process.h"

enum { SETTLE_MS = 2000 };

static bool is_named(const shoal_heap *heap, uint32_t process, uint32_t generation) {
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    struct shl_owner_word word = shl_owner_read(heap, id);
    if (word.state == SHL_OWNER_OWNED && word.process == process &&
        word.process_generation == generation) {
      return true;
    }
  }
  return false;
}

static void clear_records(shoal_heap *heap) {
  uint32_t process = 0;
  uint32_t generation = 0;
  while (shl_process_next_dead(heap->region, &process, &generation)) {
    if (is_named(heap, process, generation)) continue;
    shl_process_clear(heap->region, process, generation);
  }
}

// Owners in a row are often the same process: it is asked once.
static void recover_slots(shoal_heap *heap) {
  struct shl_owner_word alive = {.state = SHL_OWNER_FREE};
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    struct shl_owner_word word = shl_owner_read(heap, id);
    bool asked = word.process == alive.process &&
                 word.process_generation == alive.process_generation &&
                 alive.state == SHL_OWNER_OWNED && word.process != heap->region->process;
    if (word.state != SHL_OWNER_OWNED || asked) continue;
    if (!shl_slot_recover(heap, id)) alive = word;
  }
}

void shl_reap(shoal_heap *heap) {
  recover_slots(heap);
  shl_pins_drop_dead(heap);
  clear_records(heap);
}

// Who acts as a slot that is no thread's has noted none in it: it recovers the dead's, or acts as
// an orphan or the process's spare one. Where a step or a record stands it may be the dead's.
static bool is_unsettled(const shoal_heap *heap, uint32_t id) {
  const struct shl_owner_rec *row = shl_owner_row(heap, id);
  return !shl_recover_is_done(shl_slot_page(heap, id)) &&
         shl_owner_read(heap, id).state == SHL_OWNER_OWNED &&
         shl_load_acquire_u64(&row->thread) == 0;
}

shoal_status shl_reap_and_settle(shoal_heap *heap) {
  shl_reap(heap);
  uint32_t high = shl_slot_high_water(heap);
  uint64_t deadline = shl_os_now_ns() + UINT64_C(1000000) * SETTLE_MS;
  for (uint32_t id = 1; id <= high; id++) {
    while (is_unsettled(heap, id)) {
      if (shl_os_now_ns() > deadline) {
        return shl_fail(SHOAL_E_BUSY, 0, "A process that acts as thread slot %u stands still.",
                        (unsigned)id);
      }
      shl_os_sleep_ms(0);
      (void)shl_slot_recover(heap, id);
    }
  }
  return SHOAL_OK;
}

shoal_status shl_reap_at_attach(struct shl_region *region, bool all_dead) {
  (void)all_dead;  // every byte but ours is free then: is_dead says the same of each
  shoal_heap heap = {.index = SHL_HEAPS_MAX};
  shl_handle_fill(&heap, region);
  shl_reap(&heap);
  return SHOAL_OK;
}
