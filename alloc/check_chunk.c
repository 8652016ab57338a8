// SPDX-License-Identifier: MIT
// Rules on a chunk: its word and row, its runs as a whole, and the backing of each part. The census
// has judged single runs and huge runs before.
#include "alloc/check.h"
#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/journal.h"
#include "alloc/pagemap.h"
#include "alloc/run.h"

static bool is_whole(unsigned state) {
  return state == SHL_CHUNK_FREE || state == SHL_CHUNK_HEAD || state == SHL_CHUNK_CONT;
}

static bool is_settled(struct shl_chunk_word word) {
  return word.state == SHL_CHUNK_MIXED && word.slot == 0;
}

static const struct shl_chunk_rec *row_of(const struct shl_check *check,
                                          const struct shl_subject *subject) {
  return shl_chunk_row(check->heap, subject->chunk);
}

static bool has_run_page(const struct shl_chunk_rec *row) {
  return (shl_load_acquire_u16(&row->meta) >> SHL_META_RUN_PAGE & 1) != 0;
}

// A FREE word with a bit more would be taken by nobody: whole words are compared.
static bool has_spare_bits(uint64_t word) {
  struct shl_chunk_word decoded = shl_chunk_decode(word);
  uint64_t plain = shl_chunk_encode(decoded.state, decoded.slot, decoded.x);
  uint64_t head = shl_chunk_encode_head(decoded.slot, decoded.x, decoded.last);
  return word != (decoded.state == SHL_CHUNK_HEAD ? head : plain);
}

static bool word_is_clean(const struct shl_check *check, const struct shl_subject *subject) {
  uint64_t raw = shl_load_acquire_u64(&row_of(check, subject)->word);
  struct shl_chunk_word word = shl_chunk_decode(raw);
  if (has_spare_bits(raw)) return false;
  switch (word.state) {
    case SHL_CHUNK_FREE: return word.slot == 0 && word.x == 0;
    case SHL_CHUNK_MIXED: return word.x == 0;
    case SHL_CHUNK_CONT: return word.slot == 0;
    case SHL_CHUNK_CLAIM:
      return word.x == 0 || (word.x >= check->heap->first_chunk && word.x < subject->chunk);
    case SHL_CHUNK_HEAD: return word.slot != 0 && word.slot <= shl_slot_high_water(check->heap);
    default: return word.x == 0;
  }
}

static bool holder_says_so(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_chunk_word word = shl_chunk_read(check->heap, subject->chunk);
  if (is_whole(word.state) || is_settled(word)) return true;
  if (word.slot == 0 || word.slot > shl_slot_high_water(check->heap)) return false;
  return shl_census_slot_names(check->heap, word.slot, subject->chunk);
}

static bool whole_has_no_slabs(const struct shl_check *check, const struct shl_subject *subject) {
  if (!is_whole(shl_chunk_read(check->heap, subject->chunk).state)) return true;
  uint32_t first = subject->chunk * SHL_UNITS_PER_CHUNK;
  for (unsigned u = 0; u < SHL_UNITS_PER_CHUNK; u++) {
    uint64_t desc = shl_load_acquire_u64(shl_unit_desc(check->heap, first + u));
    if ((desc & ~SHL_DESC_FLAGS) != 0) return false;
  }
  return true;
}

static bool whole_has_no_pending(const struct shl_check *check, const struct shl_subject *subject) {
  if (!is_whole(shl_chunk_read(check->heap, subject->chunk).state)) return true;
  const struct shl_chunk_rec *row = row_of(check, subject);
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    if (shl_load_seq_cst_u64(&row->remote_pages[w]) != 0) return false;
  }
  return true;
}

static bool whole_has_no_runs(const struct shl_check *check, const struct shl_subject *subject) {
  if (!is_whole(shl_chunk_read(check->heap, subject->chunk).state)) return true;
  if (!has_run_page(row_of(check, subject))) return true;
  const struct shl_run_rec *run = shl_run_page(check->heap, subject->chunk);
  for (unsigned p = 0; p < SHL_PAGES_PER_CHUNK; p++) {
    if (shl_load_acquire_u32(&run->pages[p]) != 0) return false;
  }
  return true;
}

static bool room_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  unsigned room = shl_load_relaxed_u16(shl_room(check->heap, subject->chunk));
  return room <= SHL_PAGES_PER_CHUNK || room == SHL_ROOM_FREE;
}

static bool meta_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_chunk_rec *row = row_of(check, subject);
  bool known = shl_load_acquire_u16(&row->meta) >> (SHL_META_RUN_PAGE + 1) == 0;
  bool mixed = is_settled(shl_chunk_read(check->heap, subject->chunk));
  return known && (!mixed || has_run_page(row));
}

static struct shl_pagemap map_from_runs(const shoal_heap *heap, uint32_t chunk) {
  struct shl_pagemap map = {{0}};
  for (unsigned page = 0; page < SHL_PAGES_PER_CHUNK; page++) {
    unsigned count = shl_run_pages(shl_run_word(heap, chunk, page));
    if (count == 0 || page + count > SHL_PAGES_PER_CHUNK) continue;
    for (unsigned w = page / 64; w <= (page + count - 1) / 64; w++) {
      map.words[w] |= shl_pagemap_mask(w, page, count);
    }
  }
  return map;
}

static bool bitmap_follows_runs(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_chunk_word word = shl_chunk_read(check->heap, subject->chunk);
  bool settled = is_settled(word) || word.state == SHL_CHUNK_FREE;
  if (!settled || !has_run_page(row_of(check, subject))) return true;
  struct shl_pagemap map = map_from_runs(check->heap, subject->chunk);
  const struct shl_run_rec *run = shl_run_page(check->heap, subject->chunk);
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    if (shl_load_acquire_u64(&run->used[w]) != map.words[w]) return false;
  }
  return true;
}

static bool zero_is_unused(const struct shl_check *check, const struct shl_subject *subject) {
  if (!has_run_page(row_of(check, subject))) return true;
  struct shl_pagemap map = map_from_runs(check->heap, subject->chunk);
  const struct shl_run_rec *run = shl_run_page(check->heap, subject->chunk);
  for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
    if ((shl_load_acquire_u64(&run->zero[w]) & map.words[w]) != 0) return false;
  }
  return true;
}

static bool zero_is_backed(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_chunk_rec *row = row_of(check, subject);
  if (!has_run_page(row)) return true;
  const struct shl_run_rec *run = shl_run_page(check->heap, subject->chunk);
  for (unsigned u = 0; u < SHL_UNITS_PER_CHUNK; u++) {
    uint64_t zero = shl_load_acquire_u64(&run->zero[u / 4]) >> (u % 4 * SHL_PAGES_PER_UNIT);
    bool backed = (shl_load_acquire_u32(&row->committed) >> u & 1) != 0;
    if ((zero & 0xffff) != 0 && !backed) return false;
  }
  return true;
}

// The descriptor of a slab's further unit leads to its first, and that one's pages are a slab.
static bool leads_to_slab(const struct shl_check *check, uint32_t unit, uint64_t desc) {
  uint32_t back = shl_desc_back(desc);
  if (back > unit % SHL_UNITS_PER_CHUNK || desc >> 48 != 0) return false;
  uint32_t first = unit - back;
  uint64_t head = shl_load_acquire_u64(shl_unit_desc(check->heap, first));
  bool same = shl_desc_class(head) == shl_desc_class(desc) &&
              shl_desc_owner(head) == shl_desc_owner(desc) && shl_desc_back(head) == 0;
  unsigned page = first % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT;
  uint32_t d = shl_run_word(check->heap, shl_unit_chunk(unit), page);
  return same && shl_run_kind(d) == SHL_RUN_SLAB &&
         back < shl_run_pages(d) / SHL_PAGES_PER_UNIT;
}

static bool descriptors_lead_to_slabs(const struct shl_check *check,
                                      const struct shl_subject *subject) {
  if (!is_settled(shl_chunk_read(check->heap, subject->chunk))) return true;
  uint32_t first = subject->chunk * SHL_UNITS_PER_CHUNK;
  for (unsigned u = 0; u < SHL_UNITS_PER_CHUNK; u++) {
    uint64_t desc = shl_load_acquire_u64(shl_unit_desc(check->heap, first + u));
    if ((desc & ~SHL_DESC_FLAGS) == 0) continue;  // a flag may come late
    if (!leads_to_slab(check, subject->chunk * SHL_UNITS_PER_CHUNK + u, desc)) return false;
  }
  return true;
}

static bool pending_are_runs(const struct shl_check *check, const struct shl_subject *subject) {
  if (!is_settled(shl_chunk_read(check->heap, subject->chunk))) return true;
  struct shl_pagemap map = map_from_runs(check->heap, subject->chunk);
  for (unsigned page = 0; page < SHL_PAGES_PER_CHUNK; page++) {
    if (!shl_run_is_pending(check->heap, subject->chunk, page)) continue;
    unsigned kind = shl_run_kind(shl_run_word(check->heap, subject->chunk, page));
    bool used = (map.words[page / 64] >> page % 64 & 1) != 0;
    if (used && kind != SHL_RUN_BLOCK && kind != SHL_RUN_TAGGED) return false;
  }
  return true;
}

static const struct shl_rule chunk_rules[] = {
    {word_is_clean, "A chunk's word holds what its state has no use for."},
    {holder_says_so, "A chunk is held by a slot whose journal knows nothing of it."},
    {whole_has_no_slabs, "A chunk that is not cut into runs has a slab's descriptor."},
    {whole_has_no_pending, "A chunk that is not cut into runs has freed runs."},
    {whole_has_no_runs, "A chunk that is not cut into runs has a run."},
    {room_is_possible, "A chunk's room is larger than a chunk."},
    {meta_is_possible, "A chunk's metadata pages are said to be backed wrongly."},
    {bitmap_follows_runs, "A chunk's page bitmap differs from its runs."},
    {zero_is_unused, "A page in use is said to be untouched."},
    {zero_is_backed, "A page that is not backed is said to be untouched."},
    {descriptors_lead_to_slabs, "A descriptor leads to no slab of its class and owner."},
    {pending_are_runs, "A freed run's bit stands inside another run."},
};

void shl_check_chunk(struct shl_check *check, uint32_t chunk) {
  struct shl_subject subject = {.off = shl_chunk_offset(chunk), .chunk = chunk};
  (void)shl_check_rules(check, chunk_rules, sizeof chunk_rules / sizeof chunk_rules[0], &subject);
}

static bool pages_are_backed(const struct shl_check *check, const struct shl_subject *subject) {
  uint32_t committed = shl_load_acquire_u32(&row_of(check, subject)->committed);
  unsigned last = (subject->page + subject->pages - 1) / SHL_PAGES_PER_UNIT;
  for (unsigned u = subject->page / SHL_PAGES_PER_UNIT; u <= last; u++) {
    if ((committed >> u & 1) != 0) continue;
    return shl_run_word(check->heap, subject->chunk, subject->page) == 0;
  }
  return true;
}

// The chunk count is in `pages`; the last chunk is backed as far as the block needs it.
static bool chunks_are_backed(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_chunk_word word = shl_chunk_read(check->heap, subject->chunk);
  if (word.state != SHL_CHUNK_HEAD || word.x != subject->pages) return true;
  for (uint32_t i = 0; i < word.x; i++) {
    const struct shl_chunk_rec *row = shl_chunk_row(check->heap, subject->chunk + i);
    uint32_t committed = shl_load_acquire_u32(&row->committed);
    uint32_t wanted = i + 1 == word.x ? (uint32_t)shl_low_mask(word.last) : UINT32_MAX;
    if ((committed & wanted) != wanted) return false;
  }
  return true;
}

static const struct shl_rule run_rules[] = {
    {pages_are_backed, "A run's pages are not backed."},
};

static const struct shl_rule huge_rules[] = {
    {chunks_are_backed, "A huge run's chunks are not backed."},
};

void shl_check_part(struct shl_check *check, const struct shl_part *part) {
  struct shl_subject subject = {
      .off = shl_chunk_offset(part->chunk) + (uint64_t)part->page * SHL_PAGE_BYTES,
      .chunk = part->chunk,
      .page = part->page,
      .pages = part->pages};
  if (part->kind == SHL_PART_RUN || part->kind == SHL_PART_SLAB) {
    (void)shl_check_rules(check, run_rules, sizeof run_rules / sizeof run_rules[0], &subject);
  }
  if (part->kind == SHL_PART_HUGE) {
    subject.pages = part->chunks;
    (void)shl_check_rules(check, huge_rules, sizeof huge_rules / sizeof huge_rules[0], &subject);
  }
}
