// SPDX-License-Identifier: MIT
// Runs of whole chunks, claimed by compare and swap on chunk words, ascending.
//
//   alloc  J = HUGE(h, n); h: FREE -> CLAIM(me); h+1..: FREE -> CONT(h); back; with a caller's
//          word: JA; the head's tag, or 0; h = HEAD(me, n) (the commit); J = 0. A foreign word on
//          the way: undo descending, the head last.
//   free   J = HFREE1(h, n); h: HEAD(*, n) -> FREEING(me) (the commit, fails for a double free);
//          JA = 0; J = HFREE2(h, n); CONT(h) -> FREE; h -> FREE last; J = 0
//   grow   J = HGROW(h, m); FREE -> CLAIM(me, h) from h + n on; back; h = HEAD(s, m) (the commit);
//          CLAIM(me, h) -> CONT(h); J = 0
//   shrink J = HGROW(h, n); from h + m on -> CLAIM(me, h); h = HEAD(s, m) (the commit);
//          CLAIM(me, h) -> FREE; J = 0
//
// HEAD says the length to the unit, so that one store of it changes the block from what it was to
// what it is to be; of its last chunk more may be backed, by whoever died or had the chunk before.
//
// No word carries a generation. CONT names its head; a head in CLAIM or FREEING, and a chunk that
// is being taken into a run or out of it, name the one slot that may say what becomes of them. So a
// late look at J can always tell what is still its own, though the block be another's by then, who
// frees or resizes it: what the dead had claimed is a part where HEAD counts it, else free. Who
// frees the run, or takes from it, meets such chunks as parts, by compare and swap.
// A record ends before the first chunk is let go: what it names may be another's afterwards, cut
// into a run or a slab that begins at the same offset.
// Who claims the highest of several overlapping starts meets only committed words: someone wins.
// A crash in alloc or grow before the commit gives the chunks back, one in free after it goes on.
#include "alloc/huge.h"

#include <string.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/quota.h"
#include "alloc/record.h"
#include "alloc/run.h"
#include "base/bits.h"
#include "base/fail.h"
#include "mapping/os.h"

enum { BUSY_ROUNDS = 3 };

static bool swap_free(shoal_heap *heap, uint32_t chunk, unsigned state, struct shl_chunk_word to) {
  return shl_cas_seq_cst_u64(&shl_chunk_row(heap, chunk)->word,
                             shl_chunk_encode(SHL_CHUNK_FREE, 0, 0),
                             shl_chunk_encode(state, to.slot, to.x));
}

// How long a block is: its chunks, and of the last one so many units.
struct length {
  uint64_t chunks;
  unsigned last;
};

static struct length length_of(uint64_t bytes) {
  uint64_t chunks = (bytes + SHL_CHUNK_BYTES - 1) / SHL_CHUNK_BYTES;
  uint64_t tail = bytes - (chunks - 1) * SHL_CHUNK_BYTES;
  return (struct length){.chunks = chunks,
                         .last = (unsigned)((tail + SHL_UNIT_BYTES - 1) / SHL_UNIT_BYTES)};
}

// Makes the run another length, unless somebody has freed or resized it meanwhile.
static bool swap_head(shoal_heap *heap, uint32_t head, struct shl_chunk_word before,
                      struct length after) {
  uint64_t is = shl_chunk_encode_head(before.slot, before.x, before.last);
  uint64_t wanted = shl_chunk_encode_head(before.slot, (uint32_t)after.chunks, after.last);
  return is == wanted || shl_cas_seq_cst_u64(&shl_chunk_row(heap, head)->word, is, wanted);
}

static void set_free(shoal_heap *heap, uint32_t chunk) {
  shl_chunk_note_free(heap, chunk);
  shl_store_seq_cst_u64(&shl_chunk_row(heap, chunk)->word, shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
}

bool shl_huge_is_part(struct shl_chunk_word word, uint32_t head) {
  return (word.state == SHL_CHUNK_CONT || word.state == SHL_CHUNK_CLAIM) && word.x == head;
}

// Whatever becomes of the chunk meanwhile, it is not the run's afterwards.
static void let_part_go(shoal_heap *heap, uint32_t chunk, uint32_t head) {
  shl_a64 *word = &shl_chunk_row(heap, chunk)->word;
  uint64_t before = shl_load_acquire_u64(word);
  while (shl_huge_is_part(shl_chunk_decode(before), head)) {
    shl_chunk_note_free(heap, chunk);
    if (shl_cas_seq_cst_u64(word, before, shl_chunk_encode(SHL_CHUNK_FREE, 0, 0))) return;
    before = shl_load_acquire_u64(word);
  }
}

// Whether HEAD counts the chunk.
static bool is_counted(const shoal_heap *heap, uint32_t chunk, uint32_t head) {
  struct shl_chunk_word word = shl_chunk_read(heap, head);
  return word.state == SHL_CHUNK_HEAD && chunk - head < word.x;
}

void shl_huge_settle(struct shl_seat seat, uint32_t head, uint32_t from, uint32_t end) {
  shoal_heap *heap = seat.heap;
  uint64_t mine = shl_chunk_encode(SHL_CHUNK_CLAIM, shl_seat_id(seat), head);
  for (uint32_t chunk = end; chunk-- > from;) {
    if (!shl_chunk_known(heap, chunk)) continue;
    shl_a64 *word = &shl_chunk_row(heap, chunk)->word;
    if (shl_load_acquire_u64(word) != mine) continue;
    bool counted = is_counted(heap, chunk, head);
    if (!counted) shl_chunk_note_free(heap, chunk);
    (void)shl_cas_seq_cst_u64(word, mine,
                              counted ? shl_chunk_encode(SHL_CHUNK_CONT, 0, head)
                                      : shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
  }
}

void shl_huge_let_go(shoal_heap *heap, uint32_t head, uint32_t count) {
  for (uint32_t chunk = head + count; chunk-- > head + 1;) {
    if (shl_chunk_known(heap, chunk)) let_part_go(heap, chunk, head);
  }
  shl_store_release_u64(&shl_chunk_row(heap, head)->tag, 0);
  set_free(heap, head);
}

// Backs the first `bytes` of a chunk that the caller holds, and clears what may hold old bytes.
static shoal_status back_chunk(struct shl_seat seat, uint32_t chunk, uint64_t bytes, bool zeroed) {
  shoal_heap *heap = seat.heap;
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  unsigned units = (unsigned)((bytes + SHL_UNIT_BYTES - 1) / SHL_UNIT_BYTES);
  uint32_t wanted = (uint32_t)shl_low_mask(units);
  uint32_t before = shl_load_relaxed_u32(&row->committed);
  if ((wanted & ~before) != 0) {
    shoal_status status = shl_chunk_back_bits(seat, chunk, wanted & ~before);
    if (status != SHOAL_OK) return status;
    shl_store_release_u32(&row->committed, before | wanted);
    shl_quota_settle(seat);
  }
  shl_run_forget_zero(heap, chunk);
  if (shl_load_relaxed_u8(&row->stale) != 0) before = UINT32_MAX;
  for (uint32_t old = zeroed ? before & wanted : 0; old != 0; old &= old - 1) {
    uint64_t offset = shl_chunk_offset(chunk) + shl_lowest_bit(old) * (uint64_t)SHL_UNIT_BYTES;
    memset(heap->view.base + offset, 0, SHL_UNIT_BYTES);
  }
  return SHOAL_OK;
}

static shoal_status back_chunks(struct shl_seat seat, uint32_t first, uint64_t bytes,
                                bool zeroed) {
  for (uint32_t chunk = first; bytes > 0; chunk++) {
    uint64_t here = bytes < SHL_CHUNK_BYTES ? bytes : SHL_CHUNK_BYTES;
    shoal_status status = back_chunk(seat, chunk, here, zeroed);
    if (status != SHOAL_OK) return status;
    bytes -= here;
  }
  return SHOAL_OK;
}

// Claims FREE chunks [first, end) as CONT(head).
// returns: the first chunk not claimed: `end` where all were.
static uint32_t claim_tail(shoal_heap *heap, uint32_t head, uint32_t first, uint32_t end) {
  struct shl_chunk_word part = {.x = head};
  uint32_t chunk = first;
  while (chunk < end && swap_free(heap, chunk, SHL_CHUNK_CONT, part)) chunk++;
  return chunk;
}

static bool claim_run(struct shl_seat seat, uint32_t head, uint32_t count) {
  shl_journal_set(seat.slot, SHL_J_HUGE, head, count);
  struct shl_chunk_word me = {.slot = shl_seat_id(seat)};
  bool claimed = swap_free(seat.heap, head, SHL_CHUNK_CLAIM, me);
  if (claimed && claim_tail(seat.heap, head, head + 1, head + count) != head + count) {
    shl_huge_let_go(seat.heap, head, count);
    claimed = false;
  }
  if (!claimed) shl_journal_clear(seat.slot);
  return claimed;
}

// A search for chunks in a row. Private to the process.
struct search {
  shoal_heap *heap;
  uint32_t count;
  bool backed;  // only chunks that are backed already, whole
  bool busy;    // some chunk on the way was being claimed or freed
};

// Whether a chunk below the high-water mark may be part of the run.
static bool may_take(struct search *search, uint32_t chunk) {
  struct shl_chunk_word word = shl_chunk_read(search->heap, chunk);
  bool claimed = word.state == SHL_CHUNK_MIXED && word.slot != 0;
  bool passing = word.state == SHL_CHUNK_CLAIM || word.state == SHL_CHUNK_FREEING ||
                 word.state == SHL_CHUNK_TRIM;
  search->busy = search->busy || claimed || passing;
  if (word.state != SHL_CHUNK_FREE) return false;
  const struct shl_chunk_rec *row = shl_chunk_row(search->heap, chunk);
  return !search->backed || shl_load_relaxed_u32(&row->committed) == UINT32_MAX;
}

// The lowest chunk from `from` on where enough in a row are FREE or above the high-water mark.
// returns: 0 where there is none.
static uint32_t find_run(struct search *search, uint32_t from) {
  uint32_t high = shl_chunk_high_water(search->heap);
  uint32_t end = search->backed ? high : search->heap->chunk_end;
  uint32_t start = from;
  for (uint32_t chunk = from; chunk < end && chunk < high; chunk++) {
    if (!may_take(search, chunk)) start = chunk + 1;
    if (chunk + 1 - start == search->count) return start;
  }
  return start < end && search->count <= end - start ? start : 0;
}

static shoal_status raise_to(shoal_heap *heap, uint32_t end) {
  for (uint32_t high = shl_chunk_high_water(heap); high < end; high = shl_chunk_high_water(heap)) {
    shoal_status status = shl_chunk_raise(heap, high);
    if (status != SHOAL_OK) return status;
  }
  return SHOAL_OK;
}

// One round: claims the lowest run that can be had. returns: SHOAL_OK; FULL; NO_SPACE.
static shoal_status claim_lowest(struct shl_seat seat, struct search *search, uint32_t *out) {
  search->busy = false;
  uint32_t head = find_run(search, seat.heap->first_chunk);
  for (; head != 0; head = find_run(search, head + 1)) {
    shoal_status status = raise_to(seat.heap, head + search->count);
    if (status != SHOAL_OK) return status;
    *out = head;
    if (claim_run(seat, head, search->count)) return SHOAL_OK;
    search->busy = true;
  }
  return SHOAL_E_FULL;
}

static shoal_status find_and_claim(struct shl_seat seat, uint32_t count, bool grow, uint32_t *out) {
  struct search search = {.heap = seat.heap, .count = count, .backed = !grow};
  for (unsigned round = 0; round < BUSY_ROUNDS; round++) {
    shoal_status status = claim_lowest(seat, &search, out);
    if (status != SHOAL_E_FULL) return status;
    if (!search.busy) return SHOAL_E_FULL;
    shl_os_sleep_ms(0);
  }
  return SHOAL_E_BUSY;
}

static void undo_alloc(struct shl_seat seat, uint32_t head, uint32_t count) {
  shl_huge_let_go(seat.heap, head, count);
  shl_journal_clear(seat.slot);
  for (uint32_t chunk = head; chunk < head + count; chunk++) (void)shl_chunk_trim(seat, chunk);
}

shoal_status shl_huge_alloc(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out) {
  uint64_t bytes = wish->bytes != 0 ? wish->bytes : 1;
  struct length length = length_of(bytes);
  uint32_t most = seat.heap->chunk_end - seat.heap->first_chunk;
  if (length.chunks > most) {
    return shl_fail(SHOAL_E_FULL, 0, "%llu bytes are more than the heap's data (%llu bytes).",
                    (unsigned long long)bytes, (unsigned long long)most * SHL_CHUNK_BYTES);
  }
  uint32_t count = (uint32_t)length.chunks;
  uint32_t head = 0;
  shl_chunk_decay(seat);
  shoal_status status = find_and_claim(seat, count, shl_wish_may_grow(wish), &head);
  if (status != SHOAL_OK) return status;
  status = back_chunks(seat, head, bytes, (wish->flags & SHOAL_ZERO) != 0);
  if (status != SHOAL_OK) {
    undo_alloc(seat, head, count);
    return status;
  }
  *out = shl_chunk_offset(head);
  shl_record_stand_for(seat.slot, &wish->record, *out);
  shl_store_release_u64(&shl_chunk_row(seat.heap, head)->tag, wish->tag);
  shl_store_seq_cst_u64(&shl_chunk_row(seat.heap, head)->word,
                        shl_chunk_encode_head(shl_seat_id(seat), count, length.last));
  shl_journal_clear(seat.slot);
  return SHOAL_OK;
}

static bool is_run(const shoal_heap *heap, uint32_t head, struct shl_chunk_word word) {
  return word.state == SHL_CHUNK_HEAD && word.x != 0 && word.x <= heap->chunk_end - head;
}

void shl_huge_announce_free(struct shl_seat seat, uint32_t head) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, head);
  if (is_run(seat.heap, head, word)) shl_journal_set(seat.slot, SHL_J_HFREE1, head, word.x);
}

bool shl_huge_free(struct shl_seat seat, uint32_t head) {
  shl_a64 *word = &shl_chunk_row(seat.heap, head)->word;
  uint64_t before = shl_load_acquire_u64(word);
  struct shl_chunk_word decoded = shl_chunk_decode(before);
  bool freed = is_run(seat.heap, head, decoded);
  if (freed) {
    shl_journal_set(seat.slot, SHL_J_HFREE1, head, decoded.x);
    uint64_t mine = shl_chunk_encode(SHL_CHUNK_FREEING, shl_seat_id(seat), 0);
    freed = shl_cas_seq_cst_u64(word, before, mine);
  }
  if (freed) {
    shl_record_end(seat.slot);
    shl_journal_set(seat.slot, SHL_J_HFREE2, head, decoded.x);
    shl_huge_let_go(seat.heap, head, decoded.x);
  }
  shl_journal_clear(seat.slot);
  return freed;
}

uint64_t shl_huge_bytes(const shoal_heap *heap, uint32_t head) {
  struct shl_chunk_word word = shl_chunk_read(heap, head);
  if (!is_run(heap, head, word)) return 0;
  return (uint64_t)(word.x - 1) * SHL_CHUNK_BYTES + (uint64_t)word.last * SHL_UNIT_BYTES;
}

static bool grow_by_chunks(struct shl_seat seat, uint32_t head, struct shl_chunk_word word,
                           uint64_t bytes) {
  shoal_heap *heap = seat.heap;
  struct length length = length_of(bytes);
  if (length.chunks > heap->chunk_end - head) return false;
  uint32_t behind = head + word.x;
  uint32_t wanted = head + (uint32_t)length.chunks;
  if (raise_to(heap, wanted) != SHOAL_OK) return false;
  shl_journal_set(seat.slot, SHL_J_HGROW, head, wanted - head);
  struct shl_chunk_word mine = {.slot = shl_seat_id(seat), .x = head};
  uint32_t chunk = behind;
  while (chunk < wanted && swap_free(heap, chunk, SHL_CHUNK_CLAIM, mine)) chunk++;
  uint64_t more = bytes - (word.x - 1) * (uint64_t)SHL_CHUNK_BYTES;
  bool grown = chunk == wanted && back_chunks(seat, behind - 1, more, false) == SHOAL_OK &&
               swap_head(heap, head, word, length);
  shl_huge_settle(seat, head, behind, wanted);
  shl_journal_clear(seat.slot);
  return grown;
}

static bool shrink_by_chunks(struct shl_seat seat, uint32_t head, struct shl_chunk_word word,
                             struct length length) {
  uint32_t from = head + (uint32_t)length.chunks;
  uint32_t end = head + word.x;
  shl_journal_set(seat.slot, SHL_J_HGROW, head, word.x);
  for (uint32_t chunk = from; chunk < end; chunk++) {
    shl_store_seq_cst_u64(&shl_chunk_row(seat.heap, chunk)->word,
                          shl_chunk_encode(SHL_CHUNK_CLAIM, shl_seat_id(seat), head));
  }
  bool shrunk = swap_head(seat.heap, head, word, length);
  shl_huge_settle(seat, head, from, end);
  shl_journal_clear(seat.slot);
  shl_chunk_decay(seat);
  return shrunk;
}

// In its last chunk: what is to be had is backed before the block has it.
static bool resize_last(struct shl_seat seat, uint32_t head, struct shl_chunk_word word,
                        struct length length) {
  uint32_t chunk = head + word.x - 1;
  uint64_t bytes = length.last * (uint64_t)SHL_UNIT_BYTES;
  return back_chunk(seat, chunk, bytes, false) == SHOAL_OK &&
         swap_head(seat.heap, head, word, length);
}

bool shl_huge_resize(struct shl_seat seat, uint32_t head, uint64_t bytes) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, head);
  if (!is_run(seat.heap, head, word)) return false;
  struct length length = length_of(bytes);
  if (length.chunks > word.x) return grow_by_chunks(seat, head, word, bytes);
  if (length.chunks == word.x) return resize_last(seat, head, word, length);
  return shrink_by_chunks(seat, head, word, length);
}
