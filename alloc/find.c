// SPDX-License-Identifier: MIT
// Where a run goes: the slot's last chunk, then the lowest of those that claim to have room, then
// the lowest FREE one, then one above the high-water mark. The lowest, so that the heap stays
// dense: going round from the last chunk instead lets the high-water mark creep up for ever. `room`
// is a racy cache; before the answer is "full" every chunk is tried without it. What others have
// claimed is passed by, and looked at again for three rounds before the answer is BUSY. A request
// for backed pages alone never takes a new chunk, but tries every FREE one that has some.
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

// Claims the chunk if the request fits into it.
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
  shl_run_end_claim(search->seat, chunk);
  return false;
}

static bool has_backed_units(const shoal_heap *heap, uint32_t chunk) {
  return shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->committed) != 0;
}

// A chunk that is met on the way. returns: whether the request fits into it.
static bool visit(struct search *search, uint32_t chunk, bool trust_room) {
  const shoal_heap *heap = search->seat.heap;
  unsigned room = shl_load_relaxed_u16(shl_room(heap, chunk));
  if (trust_room && room < search->request.pages) return false;
  bool look = room == SHL_ROOM_FREE || !trust_room;
  if (look && shl_chunk_read(heap, chunk).state == SHL_CHUNK_FREE) {
    bool lower = search->lowest_free == 0 || chunk < search->lowest_free;
    if (lower) search->lowest_free = chunk;
    bool wanted = search->request.backed && !trust_room && has_backed_units(heap, chunk);
    if (!wanted) return false;
  }
  return try_chunk(search, chunk);
}

static bool visit_all(struct search *search, bool trust_room) {
  shoal_heap *heap = search->seat.heap;
  uint32_t high = shl_chunk_high_water(heap);
  uint32_t cursor = shl_load_relaxed_u32(&search->seat.slot->cursor);
  bool known = cursor >= heap->first_chunk && cursor < high;
  if (known && visit(search, cursor, trust_room)) return true;
  for (uint32_t chunk = heap->first_chunk; chunk < high; chunk++) {
    if (chunk != cursor && visit(search, chunk, trust_room)) return true;
  }
  return false;
}

static bool try_lowest_free(struct search *search) {
  return search->lowest_free != 0 && try_chunk(search, search->lowest_free);
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

// One round. returns: SHOAL_OK; otherwise why no chunk could be added.
static shoal_status search_once(struct search *search) {
  search->busy = false;
  search->lowest_free = 0;
  if (visit_all(search, true)) return SHOAL_OK;
  if (search->request.backed) return visit_all(search, false) ? SHOAL_OK : SHOAL_E_FULL;
  if (try_lowest_free(search)) return SHOAL_OK;
  shoal_status status = try_new(search);
  if (status == SHOAL_OK) return SHOAL_OK;
  return visit_all(search, false) || try_lowest_free(search) ? SHOAL_OK : status;
}

shoal_status shl_run_find(struct shl_seat seat, struct shl_run_request request,
                          struct shl_run_place *out) {
  struct search search = {.seat = seat, .request = request, .out = out};
  shoal_status status = SHOAL_E_FULL;
  for (unsigned round = 0; round < BUSY_ROUNDS; round++) {
    status = search_once(&search);
    if (status == SHOAL_OK) return SHOAL_OK;
    if (!search.busy) break;
    shl_os_sleep_ms(0);
  }
  if (search.refused || status == SHOAL_E_NO_SPACE) return SHOAL_E_NO_SPACE;
  return search.busy ? SHOAL_E_BUSY : SHOAL_E_FULL;
}
