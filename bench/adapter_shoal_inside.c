// SPDX-License-Identifier: MIT
// shoal over a named region, as a program that knows its modules: what of it the interface does not
// show can be timed.

#include <string.h>

#include "alloc/recover.h"
#include "alloc/slot.h"
#include "bench/adapter_shoal.h"
#include "mapping/os.h"

static int open_heap(const struct bench_heap *heap) {
  return bench_shoal_open(heap, SHOAL_KIND_NAMED, heap->name);
}

static void *take_block(size_t size) { return shoal_malloc(bench_shoal, size); }

static void give_block(void *block) { shoal_free(bench_shoal, block); }

// From before the compare and swap of the owner word until it says ORPHAN or FREE; and, since that
// belongs to the call, the question to the kernel whether the owner is dead.
static void recover_slot(uint32_t id, struct bench_recovery *out) {
  if (!shl_recover_is_done(shl_slot_page(bench_shoal, id))) out->cut_short = 1;
  uint64_t begin_ns = shl_os_now_ns();
  if (!shl_slot_recover(bench_shoal, id)) return;
  double took_ns = (double)(shl_os_now_ns() - begin_ns);
  if (took_ns > out->slot_ns) out->slot_ns = took_ns;
  out->slots++;
}

static int recover_slots(struct bench_recovery *out) {
  uint32_t high = shl_slot_high_water(bench_shoal);
  memset(out, 0, sizeof(*out));
  for (uint32_t id = 1; id <= high; id++) {
    if (shl_owner_is_dead(bench_shoal, id, shl_owner_read(bench_shoal, id))) recover_slot(id, out);
  }
  return 0;
}

static int reap(void) { return shoal_reap(bench_shoal) == SHOAL_OK ? 0 : -1; }

const struct bench_adapter bench_adapter = {
    .name = "shoal_inside",
    .version = shoal_version,
    .open = open_heap,
    .close = bench_shoal_close,
    .alloc = take_block,
    .release = give_block,
    .remove = bench_shoal_remove,
    .account = bench_shoal_account,
    .recover = recover_slots,
    .reap = reap,
    .descriptor = bench_shoal_descriptor,
};
