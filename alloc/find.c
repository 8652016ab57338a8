// SPDX-License-Identifier: MIT
// Where a run goes: the slot's last chunk, then those that claim to have room, then the lowest FREE
// one, then one above the high-water mark. `room` is a racy cache; before the answer is "full" every
// chunk is tried without it. What others have claimed is passed by, and looked at again for three
// rounds before the answer is BUSY.
#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/pagemap.h"
#include "alloc/run.h"
#include "mapping/os.h"

enum { BUSY_ROUNDS = 3 };

// One search. Private to the process.
struct search {
  struct shl_seat seat;
  struct shl_run_request request;
  struct shl_run_place *out;
  uint32_t lowest_free;  // 0: none seen
  bool busy;             // some chunk was claimed by another
  bool refused;          // the system would not back a run page
};

static struct shl_pagemap read_map(const shoal_heap *heap, uint32_t chunk, bool backed) {
  const struct shl_run_rec *run = shl_run_page(heap, chunk);
  uint32_t committed = shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->committed);
  struct shl_pagemap map;
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    map.words[w] = shl_load_relaxed_u64(&run->used[w]);
    for (unsigned u = 0; backed && u < 4; u++) {
      bool missing = (committed >> (4 * w + u) & 1) == 0;
      if (missing) map.words[w] |= UINT64_C(0xffff) << (u * SHL_PAGES_PER_UNIT);
    }
  }
  return map;
}

static bool try_chunk(struct search *search, uint32_t chunk) {
  enum shl_claim claim = shl_chunk_claim(search->seat, chunk);
  search->busy = search->busy || claim == SHL_CLAIM_BUSY;
  search->refused = search->refused || claim == SHL_CLAIM_NO_SPACE;
  if (claim != SHL_CLAIM_TAKEN) return false;
  struct shl_pagemap map = read_map(search->seat.heap, chunk, search->request.backed);
  unsigned page = shl_pagemap_find(&map, search->request.pages, search->request.align_pages);
  if (page != SHL_PAGEMAP_NONE) {
    *search->out = (struct shl_run_place){.chunk = chunk, .page = page};
    shl_store_relaxed_u32(&search->seat.slot->cursor, chunk);
    return true;
  }
  shl_chunk_release(search->seat, chunk);
  shl_journal_clear(search->seat.slot);
  return false;
}

static bool try_rooms(struct search *search, uint32_t high, bool trust_room) {
  shoal_heap *heap = search->seat.heap;
  uint32_t count = high - heap->first_chunk;
  uint32_t cursor = shl_load_relaxed_u32(&search->seat.slot->cursor);
  if (cursor < heap->first_chunk || cursor >= high) cursor = heap->first_chunk;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t chunk = cursor + i < high ? cursor + i : cursor + i - count;
    unsigned room = shl_load_relaxed_u16(shl_room(heap, chunk));
    if (room == SHL_ROOM_FREE || !trust_room) {
      bool is_free = shl_chunk_read(heap, chunk).state == SHL_CHUNK_FREE;
      bool lower = search->lowest_free == 0 || chunk < search->lowest_free;
      if (is_free && lower) search->lowest_free = chunk;
      if (is_free || trust_room) continue;
    }
    if (trust_room && room < search->request.pages) continue;
    if (try_chunk(search, chunk)) return true;
  }
  return false;
}

static shoal_status try_new(struct search *search) {
  shoal_heap *heap = search->seat.heap;
  while (true) {
    uint32_t chunk = shl_chunk_high_water(heap);
    shoal_status status = shl_chunk_raise(heap, chunk);
    if (status != SHOAL_OK) return status;
    if (try_chunk(search, chunk)) return SHOAL_OK;
    if (search->refused) return SHOAL_E_NO_SPACE;
  }
}

shoal_status shl_run_find(struct shl_seat seat, struct shl_run_request request,
                          struct shl_run_place *out) {
  struct search search = {.seat = seat, .request = request, .out = out};
  shoal_status status = SHOAL_E_FULL;
  for (unsigned round = 0; round < BUSY_ROUNDS; round++) {
    search.busy = false;
    search.lowest_free = 0;
    uint32_t high = shl_chunk_high_water(seat.heap);
    if (try_rooms(&search, high, true)) return SHOAL_OK;
    if (!request.grow) break;
    if (search.lowest_free != 0 && try_chunk(&search, search.lowest_free)) return SHOAL_OK;
    status = try_new(&search);
    if (status == SHOAL_OK) return SHOAL_OK;
    if (try_rooms(&search, high, false)) return SHOAL_OK;
    if (search.lowest_free != 0 && try_chunk(&search, search.lowest_free)) return SHOAL_OK;
    if (!search.busy) break;
    shl_os_sleep_ms(0);
  }
  if (search.refused || status == SHOAL_E_NO_SPACE) return SHOAL_E_NO_SPACE;
  return search.busy ? SHOAL_E_BUSY : SHOAL_E_FULL;
}
