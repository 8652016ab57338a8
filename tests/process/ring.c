// SPDX-License-Identifier: MIT
#include "tests/process/ring.h"

#include "mapping/os.h"

#define WAIT_NS UINT64_C(30000000000)

// Takes the next position of `end` whose cell shows turn 2 * lap + `reads`.
// returns: the cell, null where its turn has not come.
static struct ring_cell *take_position(struct ring *ring, shl_a64 *end, unsigned reads,
                                       uint64_t *turn) {
  for (uint64_t position = shl_load_relaxed_u64(end);;) {
    struct ring_cell *cell = &ring->cells[position % RING_CELLS];
    *turn = 2 * (position / RING_CELLS) + reads;
    uint64_t now = shl_load_acquire_u64(&cell->turn);
    if (now == *turn && shl_cas_seq_cst_u64(end, position, position + 1)) return cell;
    uint64_t again = shl_load_relaxed_u64(end);
    if (again == position && now < *turn) return NULL;
    position = again;
  }
}

bool ring_put(struct ring *ring, const struct parcel *parcel) {
  uint64_t turn;
  struct ring_cell *cell = take_position(ring, &ring->tail, 0, &turn);
  if (cell == NULL) return false;
  cell->parcel = *parcel;
  shl_store_release_u64(&cell->turn, turn + 1);
  return true;
}

bool ring_take(struct ring *ring, struct parcel *out) {
  uint64_t turn;
  struct ring_cell *cell = take_position(ring, &ring->head, 1, &turn);
  if (cell == NULL) return false;
  *out = cell->parcel;
  shl_store_release_u64(&cell->turn, turn + 1);
  return true;
}

bool ring_wait_put(struct ring *ring, const struct parcel *parcel) {
  uint64_t begin = 0;
  while (!ring_put(ring, parcel)) {
    uint64_t now = shl_os_now_ns();
    if (begin == 0) begin = now;
    if (now - begin > WAIT_NS) return false;
    shl_os_sleep_ms(0);
  }
  return true;
}

bool ring_wait_take(struct ring *ring, struct parcel *out) {
  uint64_t begin = 0;
  while (!ring_take(ring, out)) {
    uint64_t now = shl_os_now_ns();
    if (begin == 0) begin = now;
    if (now - begin > WAIT_NS) return false;
    shl_os_sleep_ms(0);
  }
  return true;
}
