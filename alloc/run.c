// SPDX-License-Identifier: MIT
// Runs of pages in a chunk, under its claim; freed by anyone, without it.
//
//   alloc   claim; J = RUN(c, p); with a caller's word: cjf = 1, JA; D[p] = {pages, BLOCK} (the
//           commit); bitmap, zero; J = CHUNK; release. A tagged one: J; zero of its last page; its
//           tag, at the run's end; D[p] = {pages, TAGGED}
//   free    RP |= p by one atomic or (the commit); then, if the claim is to be had, collect
//   resize  claim; a tag: to where the new end is; D[p] = {new pages} (the commit); bitmap; release
//
// Invariants
//   I1  Runs of a chunk do not overlap; D is 0 but at a run's first page.
//   I2  The bitmap is a cache of D: recomputed whenever its writer died under the claim.
//   I3  RP bit p set implies D[p] is a run that its holder has freed; nobody clears the bit but a
//       holder of the claim, after D[p] = 0, and never while a standing record names the run.
//   I4  A zero bit is set only while the page is free, backed, and has not been handed out since it
//       was backed.
//   I5  The tag of a tagged run is stored before D says where it is, and the zero bit of its page
//       cleared before that.
// A crash before D's store leaves the pages free, after it with J = RUN the run is taken back
// (nobody has it), after J = CHUNK the call's caller has it. A crash in a free leaves the bit or
// does not.
#include "alloc/run.h"

#include <string.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/pagemap.h"
#include "base/align.h"
#include "base/bits.h"

static uint64_t run_offset(struct shl_run_place place) {
  return shl_chunk_offset(place.chunk) + (uint64_t)place.page * SHL_PAGE_BYTES;
}

static bool has_page(const shoal_heap *heap, uint32_t chunk) {
  unsigned meta = shl_load_acquire_u16(&shl_chunk_row(heap, chunk)->meta);
  return (meta >> SHL_META_RUN_PAGE & 1) != 0;
}

static struct shl_pagemap read_used(const shoal_heap *heap, uint32_t chunk) {
  const struct shl_run_rec *run = shl_run_page(heap, chunk);
  struct shl_pagemap map;
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    map.words[w] = shl_load_relaxed_u64(&run->used[w]);
  }
  return map;
}

static void set_used(shoal_heap *heap, struct shl_run_place place, unsigned count, bool used) {
  struct shl_run_rec *run = shl_run_page(heap, place.chunk);
  for (unsigned w = place.page / 64; w <= (place.page + count - 1) / 64; w++) {
    uint64_t mask = shl_pagemap_mask(w, place.page, count);
    uint64_t bits = shl_load_relaxed_u64(&run->used[w]);
    shl_store_release_u64(&run->used[w], used ? bits | mask : bits & ~mask);
  }
}

static void clear_zero(shoal_heap *heap, struct shl_run_place place, unsigned count) {
  struct shl_run_rec *run = shl_run_page(heap, place.chunk);
  for (unsigned w = place.page / 64; w <= (place.page + count - 1) / 64; w++) {
    uint64_t bits = shl_load_relaxed_u64(&run->zero[w]);
    shl_store_release_u64(&run->zero[w], bits & ~shl_pagemap_mask(w, place.page, count));
  }
}

void shl_run_mark_zero(shoal_heap *heap, uint32_t chunk, uint32_t units) {
  struct shl_run_rec *run = shl_run_page(heap, chunk);
  for (; units != 0; units &= units - 1) {
    unsigned unit = shl_lowest_bit(units);
    shl_a64 *word = &run->zero[unit / 4];
    uint64_t bits = UINT64_C(0xffff) << (unit % 4 * SHL_PAGES_PER_UNIT);
    shl_store_release_u64(word, shl_load_relaxed_u64(word) | bits);
  }
}

void shl_run_forget_zero(shoal_heap *heap, uint32_t chunk) {
  if (!has_page(heap, chunk)) return;
  struct shl_run_rec *run = shl_run_page(heap, chunk);
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) shl_store_release_u64(&run->zero[w], 0);
}

void shl_run_take(shoal_heap *heap, struct shl_run_place place, unsigned count, unsigned kind) {
  struct shl_run_rec *run = shl_run_page(heap, place.chunk);
  shl_store_release_u32(&run->pages[place.page], shl_run_encode(count, kind));
  set_used(heap, place, count, true);
  clear_zero(heap, place, count);
}

void shl_run_drop(shoal_heap *heap, struct shl_run_place place) {
  struct shl_run_rec *run = shl_run_page(heap, place.chunk);
  unsigned count = shl_run_pages(shl_load_relaxed_u32(&run->pages[place.page]));
  shl_store_release_u32(&run->pages[place.page], 0);
  if (count != 0 && place.page + count <= SHL_PAGES_PER_CHUNK) set_used(heap, place, count, false);
}

static void collect_word(shoal_heap *heap, uint32_t chunk, unsigned word) {
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  const struct shl_run_rec *run = shl_run_page(heap, chunk);
  uint64_t bits = shl_load_seq_cst_u64(&row->remote_pages[word]);
  if (bits != 0 && shl_load_relaxed_u8(&row->journalled) != 0) {
    bits &= ~shl_records_naming_runs(heap, chunk, word, bits);
  }
  for (; bits != 0; bits &= bits - 1) {
    struct shl_run_place place = {.chunk = chunk, .page = word * 64 + shl_lowest_bit(bits)};
    unsigned kind = shl_run_kind(shl_load_relaxed_u32(&run->pages[place.page]));
    if (kind != SHL_RUN_SLAB) shl_run_drop(heap, place);
    (void)shl_and_seq_cst_u64(&row->remote_pages[word], ~(bits & (0 - bits)));
  }
}

void shl_run_collect(shoal_heap *heap, uint32_t chunk) {
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) collect_word(heap, chunk, w);
}

bool shl_run_pending(const shoal_heap *heap, uint32_t chunk) {
  const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    uint64_t bits = shl_load_seq_cst_u64(&row->remote_pages[w]);
    if (bits != 0 && shl_load_relaxed_u8(&row->journalled) != 0) {
      bits &= ~shl_records_naming_runs(heap, chunk, w, bits);
    }
    if (bits != 0) return true;
  }
  return false;
}

bool shl_run_is_pending(const shoal_heap *heap, uint32_t chunk, unsigned page) {
  const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  return (shl_load_seq_cst_u64(&row->remote_pages[page / 64]) >> page % 64 & 1) != 0;
}

unsigned shl_run_room(const shoal_heap *heap, uint32_t chunk) {
  struct shl_pagemap map = read_used(heap, chunk);
  return shl_pagemap_longest(&map);
}

void shl_run_rebuild(shoal_heap *heap, uint32_t chunk) {
  struct shl_run_rec *run = shl_run_page(heap, chunk);
  struct shl_pagemap map = {{0}};
  for (unsigned page = 0; page < SHL_PAGES_PER_CHUNK; page++) {
    unsigned count = shl_run_pages(shl_load_relaxed_u32(&run->pages[page]));
    if (count == 0 || page + count > SHL_PAGES_PER_CHUNK) continue;
    for (unsigned w = page / 64; w <= (page + count - 1) / 64; w++) {
      map.words[w] |= shl_pagemap_mask(w, page, count);
    }
  }
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    shl_store_release_u64(&run->used[w], map.words[w]);
    shl_store_release_u64(&run->zero[w], shl_load_relaxed_u64(&run->zero[w]) & ~map.words[w]);
  }
}

uint32_t shl_run_word(const shoal_heap *heap, uint32_t chunk, unsigned page) {
  if (!has_page(heap, chunk)) return 0;
  return shl_load_acquire_u32(&shl_run_page(heap, chunk)->pages[page]);
}

// Stores the tag where it stands once the run is `count` long; its pages are ours already.
static void stamp(shoal_heap *heap, struct shl_run_place place, unsigned count, uint64_t tag) {
  struct shl_run_place last = {.chunk = place.chunk, .page = place.page + count - 1};
  clear_zero(heap, last, 1);
  uint64_t room = shl_block_room((uint64_t)count * SHL_PAGE_BYTES, true);
  shl_store_release_u64(shl_tag_behind(heap, run_offset(place), room), tag);
}

// Clears those of the run's pages that may hold old bytes, but for its tag: `zero` is the zero bits
// from before.
static void wipe(shoal_heap *heap, struct shl_run_place place, struct shl_run_request request,
                 const struct shl_pagemap *zero) {
  unsigned count = request.pages;
  char *start = heap->view.base + shl_chunk_offset(place.chunk);
  for (unsigned page = place.page; page < place.page + count;) {
    if (shl_pagemap_next(zero, page, true) == page) {
      page++;
      continue;
    }
    unsigned end = shl_pagemap_next(zero, page, true);
    if (end > place.page + count) end = place.page + count;
    bool keeps = request.tag != 0 && end == place.page + count;
    uint64_t bytes = shl_block_room((uint64_t)(end - page) * SHL_PAGE_BYTES, keeps);
    memset(start + (size_t)page * SHL_PAGE_BYTES, 0, (size_t)bytes);
    page = end;
  }
}

void shl_run_end_claim(struct shl_seat seat, uint32_t chunk) {
  shl_chunk_release(seat, chunk);
  shl_journal_clear(seat.slot);
  shl_chunk_settle(seat, chunk);
  shl_chunk_decay(seat);
}

static shoal_status back_pages(struct shl_seat seat, struct shl_run_place place, unsigned count) {
  unsigned first = place.page / SHL_PAGES_PER_UNIT;
  unsigned last = (place.page + count - 1) / SHL_PAGES_PER_UNIT;
  return shl_chunk_back_units(seat, place.chunk, first, last - first + 1);
}

static shoal_status find_and_back(struct shl_seat seat, struct shl_run_request request,
                                  struct shl_run_place *out) {
  shoal_status status = shl_run_find(seat, request, out);
  if (status != SHOAL_OK) return status;
  status = back_pages(seat, *out, request.pages);
  if (status != SHOAL_OK) shl_run_end_claim(seat, out->chunk);
  return status;
}

shoal_status shl_run_find_backed(struct shl_seat seat, struct shl_run_request request,
                                 struct shl_run_place *out) {
  shoal_status status = find_and_back(seat, request, out);
  bool refused = status == SHOAL_E_NO_SPACE || status == SHOAL_E_FULL;
  if (!refused || request.backed) return status;
  request.backed = true;
  return find_and_back(seat, request, out) == SHOAL_OK ? SHOAL_OK : status;
}

shoal_status shl_run_alloc(struct shl_seat seat, struct shl_run_request request, bool zeroed,
                           uint64_t *out) {
  struct shl_run_place place;
  shoal_status status = shl_run_find_backed(seat, request, &place);
  if (status != SHOAL_OK) return status;
  struct shl_run_rec *run = shl_run_page(seat.heap, place.chunk);
  struct shl_pagemap zero;
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    zero.words[w] = shl_load_relaxed_u64(&run->zero[w]);
  }
  *out = run_offset(place);
  shl_journal_set(seat.slot, SHL_J_RUN, place.chunk, place.page);
  if (request.record != NULL && request.record->op != SHL_JA_NONE) {
    shl_store_release_u8(&shl_chunk_row(seat.heap, place.chunk)->journalled, 1);
    shl_record_stand_for(seat.slot, request.record, *out);
  }
  // A tagged one can be found by all from its commit on; another its caller alone knows, later.
  bool tagged = request.tag != 0;
  if (tagged && zeroed) wipe(seat.heap, place, request, &zero);
  if (tagged) stamp(seat.heap, place, request.pages, request.tag);
  shl_run_take(seat.heap, place, request.pages, tagged ? SHL_RUN_TAGGED : SHL_RUN_BLOCK);
  shl_journal_set(seat.slot, SHL_J_CHUNK, place.chunk, 0);
  shl_run_end_claim(seat, place.chunk);
  if (zeroed && !tagged) wipe(seat.heap, place, request, &zero);
  return SHOAL_OK;
}

bool shl_run_free(shoal_heap *heap, uint32_t chunk, unsigned page) {
  uint64_t bit = UINT64_C(1) << page % 64;
  shl_a64 *word = &shl_chunk_row(heap, chunk)->remote_pages[page / 64];
  return (shl_or_seq_cst_u64(word, bit) & bit) == 0;
}

void shl_run_settle(struct shl_seat seat, uint32_t chunk) {
  if (seat.slot == NULL) return;
  if (shl_chunk_claim(seat, chunk) == SHL_CLAIM_TAKEN) shl_run_end_claim(seat, chunk);
}

static void move_tag(shoal_heap *heap, struct shl_run_place place, unsigned from, unsigned to) {
  uint64_t room = shl_block_room((uint64_t)from * SHL_PAGE_BYTES, true);
  uint64_t tag = shl_load_relaxed_u64(shl_tag_behind(heap, run_offset(place), room));
  stamp(heap, place, to, tag);
}

static bool resize_claimed(struct shl_seat seat, struct shl_run_place place, unsigned pages) {
  shoal_heap *heap = seat.heap;
  struct shl_pagemap map = read_used(heap, place.chunk);
  shl_a32 *word = &shl_run_page(heap, place.chunk)->pages[place.page];
  unsigned before = shl_run_pages(shl_load_relaxed_u32(word));
  unsigned kept_kind = shl_run_kind(shl_load_relaxed_u32(word));
  if (before == 0 || kept_kind == SHL_RUN_SLAB) return false;
  if (pages > before) {
    if (!shl_pagemap_is_free(&map, place.page + before, pages - before)) return false;
    if (back_pages(seat, place, pages) != SHOAL_OK) return false;
    if (kept_kind == SHL_RUN_TAGGED) move_tag(heap, place, before, pages);
    shl_run_take(heap, place, pages, kept_kind);
    return true;
  }
  if (kept_kind == SHL_RUN_TAGGED) move_tag(heap, place, before, pages);
  shl_store_release_u32(word, shl_run_encode(pages, kept_kind));
  struct shl_run_place tail = {.chunk = place.chunk, .page = place.page + pages};
  if (pages < before) set_used(heap, tail, before - pages, false);
  return true;
}

bool shl_run_resize(struct shl_seat seat, uint32_t chunk, unsigned page, unsigned pages) {
  struct shl_run_place place = {.chunk = chunk, .page = page};
  unsigned before = shl_run_pages(shl_run_word(seat.heap, chunk, page));
  if (before == pages) return true;
  if (page + pages > SHL_PAGES_PER_CHUNK) return false;
  if (shl_chunk_claim(seat, chunk) != SHL_CLAIM_TAKEN) return false;
  bool done = resize_claimed(seat, place, pages);
  shl_run_end_claim(seat, chunk);
  return done;
}
