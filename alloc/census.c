// SPDX-License-Identifier: MIT
// The way through the data. Chunk words lead to chunks, D to runs, descriptors to slabs; each is
// loaded once and tested before it is used.
//
// A step may be under way on any part. Steps under a chunk's claim store D with one store each, so
// the runs of a claimed chunk are right; only a slab's descriptors lag behind its D. What belongs
// to a huge run being made, freed or resized is PASSING.
// Nothing is stored, so a crash leaves nothing.
#include "alloc/census.h"

#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "mapping/os.h"

enum {
  LOOKS = 8,            // a millisecond apart: a step takes microseconds
  GLANCES = 16,         // in each look, at once: a busy chunk changes during most of them
  BROKEN_PATIENCE = 32  // parts broken for certain, after which there is nothing to wait for
};

void shl_census_begin(struct shl_census *census, shoal_heap *heap) {
  *census = (struct shl_census){
      .heap = heap, .chunk = heap->first_chunk, .high = shl_chunk_high_water(heap)};
}

static bool names_chunk(struct shl_journal entry, uint32_t chunk) {
  switch (entry.op) {
    case SHL_J_REFILL:
    case SHL_J_RELIST:
    case SHL_J_UNLINK:
    case SHL_J_COLLECT:
    case SHL_J_FREESLAB:
    case SHL_J_HINT:
    case SHL_J_NEWSLAB: return shl_unit_chunk(entry.a) == chunk;
    case SHL_J_DRAIN: return entry.a / 64 == chunk / 64 % SHL_HINT_WORDS;
    case SHL_J_CHUNK:
    case SHL_J_TRIM:
    case SHL_J_RUN: return entry.a == chunk;
    case SHL_J_HUGE:
    case SHL_J_HFREE1:
    case SHL_J_HFREE2:
    case SHL_J_HGROW: return chunk >= entry.a && chunk - entry.a < entry.b;
    default: return false;
  }
}

bool shl_census_slot_names(const shoal_heap *heap, uint32_t slot, uint32_t chunk) {
  uint64_t word = shl_load_acquire_u64(&shl_slot_page(heap, slot)->journal);
  return word != 0 && names_chunk(shl_journal_decode(word), chunk);
}

bool shl_census_is_journalled(const shoal_heap *heap, uint32_t chunk) {
  uint32_t slots = shl_slot_high_water(heap);
  for (uint32_t slot = 1; slot <= slots; slot++) {
    if (shl_census_slot_names(heap, slot, chunk)) return true;
  }
  return false;
}

static void set_broken(struct shl_part *part, const char *text) {
  part->kind = SHL_PART_BROKEN;
  part->text = text;
}

static void look_at_head(const struct shl_census *census, struct shl_chunk_word word,
                         struct shl_part *out) {
  if (word.x == 0 || word.x > shl_chunk_high_water(census->heap) - out->chunk) {
    set_broken(out, "A huge run's length leads past the chunks in use.");
    return;
  }
  for (uint32_t i = 1; i < word.x; i++) {
    struct shl_chunk_word part = shl_chunk_read(census->heap, out->chunk + i);
    if (shl_huge_is_part(part, out->chunk)) continue;
    set_broken(out, "A huge run's further chunk does not name its head.");
    return;
  }
  out->kind = SHL_PART_HUGE;
  out->chunks = word.x;
}

// A chunk that names a head, met by itself: its run was made or resized after its head was passed,
// or is being made or freed.
static void look_at_rest(const struct shl_census *census, uint32_t head, struct shl_part *out) {
  out->kind = SHL_PART_PASSING;
  if (head < census->heap->first_chunk || head >= out->chunk) {
    set_broken(out, "A chunk names a head that cannot be its own.");
    return;
  }
  struct shl_chunk_word word = shl_chunk_read(census->heap, head);
  if (word.state == SHL_CHUNK_CLAIM || word.state == SHL_CHUNK_FREEING) return;
  bool counted = word.state == SHL_CHUNK_HEAD && out->chunk - head < word.x;
  if (!counted) set_broken(out, "A chunk names a head that does not count it.");
}

static void look_at_slab(const struct shl_census *census, struct shl_part *out, bool claimed) {
  uint32_t unit = out->chunk * SHL_UNITS_PER_CHUNK + out->page / SHL_PAGES_PER_UNIT;
  out->kind = SHL_PART_SLAB;
  out->desc = shl_load_acquire_u64(shl_unit_desc(census->heap, unit));
  const struct shl_class_info *info = shl_class_info(shl_desc_class(out->desc));
  out->tagged = shl_class_is_tagged(shl_desc_class(out->desc));
  bool whole = out->page % SHL_PAGES_PER_UNIT == 0 && shl_desc_back(out->desc) == 0 &&
               info->bytes != 0 && out->pages == info->units * (unsigned)SHL_PAGES_PER_UNIT;
  if (whole) return;
  out->kind = SHL_PART_PASSING;
  if (!claimed) set_broken(out, "A slab's pages have no descriptor that fits.");
}

static void look_at_run(const struct shl_census *census, uint32_t d, struct shl_part *out,
                        bool claimed) {
  unsigned pages = shl_run_pages(d);
  unsigned kind = shl_run_kind(d);
  out->pages = 1;
  if (pages == 0 || kind == 0 || d >> 12 != 0) {
    set_broken(out, "A run's word has no length or no kind.");
    return;
  }
  if (pages > SHL_PAGES_PER_CHUNK - out->page) {
    set_broken(out, "A run leads past its chunk.");
    return;
  }
  for (unsigned i = 1; i < pages; i++) {
    if (shl_run_word(census->heap, out->chunk, out->page + i) == 0) continue;
    set_broken(out, "A run begins inside another.");
    return;
  }
  out->pages = pages;
  out->kind = SHL_PART_RUN;
  out->tagged = kind == SHL_RUN_TAGGED;
  if (kind == SHL_RUN_SLAB) look_at_slab(census, out, claimed);
}

static void look_at_pages(const struct shl_census *census, struct shl_chunk_word word,
                          struct shl_part *out) {
  out->chunks = 0;
  uint32_t d = shl_run_word(census->heap, out->chunk, out->page);
  if (d != 0) {
    look_at_run(census, d, out, word.slot != 0);
    return;
  }
  unsigned end = out->page + 1;
  while (end < SHL_PAGES_PER_CHUNK && shl_run_word(census->heap, out->chunk, end) == 0) end++;
  out->kind = SHL_PART_PAGES;
  out->pages = end - out->page;
}

static void look(const struct shl_census *census, struct shl_part *out) {
  struct shl_chunk_word word = shl_chunk_read(census->heap, census->chunk);
  *out = (struct shl_part){.kind = SHL_PART_PASSING, .chunk = census->chunk, .chunks = 1};
  if (census->page != 0 && word.state != SHL_CHUNK_MIXED) {
    out->page = census->page;
    out->pages = SHL_PAGES_PER_CHUNK - census->page;
    out->chunks = 0;
    return;
  }
  switch (word.state) {
    case SHL_CHUNK_FREE: out->kind = SHL_PART_FREE; break;
    case SHL_CHUNK_MIXED:
      out->page = census->page;
      look_at_pages(census, word, out);
      break;
    case SHL_CHUNK_HEAD: look_at_head(census, word, out); break;
    case SHL_CHUNK_CONT: look_at_rest(census, word.x, out); break;
    case SHL_CHUNK_CLAIM:
    case SHL_CHUNK_FREEING:
    case SHL_CHUNK_TRIM: break;
    default: set_broken(out, "A chunk's word has no state that exists."); break;
  }
}

bool shl_census_next(struct shl_census *census, struct shl_part *out) {
  if (census->chunk >= census->high) return false;
  look(census, out);
  unsigned glances = census->broken < BROKEN_PATIENCE ? LOOKS * GLANCES : 1;
  for (unsigned i = 1; i < glances && out->kind == SHL_PART_BROKEN; i++) {
    if (i % GLANCES == 0) shl_os_sleep_ms(1);
    look(census, out);
  }
  if (out->kind == SHL_PART_BROKEN) census->broken++;
  census->page = out->chunks == 0 ? out->page + out->pages : 0;
  census->chunk += out->chunks;
  if (census->page >= SHL_PAGES_PER_CHUNK) {
    census->page = 0;
    census->chunk++;
  }
  return true;
}

static bool rows_are_backed(const struct shl_chunk_rec *row, uint32_t unit, unsigned words) {
  unsigned index = unit % SHL_UNITS_PER_CHUNK;
  size_t begin = index * sizeof(struct shl_hot_rec);
  size_t end = begin + offsetof(struct shl_hot_rec, free) + words * sizeof(shl_a64);
  unsigned needed = 1U << begin / SHL_PAGE_BYTES | 1U << (end - 1) / SHL_PAGE_BYTES;
  size_t remote = index * sizeof(struct shl_remote_rec) / SHL_PAGE_BYTES;
  needed |= 1U << (SHL_META_REMOTE_FIRST + remote);
  return (shl_load_acquire_u16(&row->meta) & needed) == needed;
}

const char *shl_slab_look(shoal_heap *heap, uint32_t unit, uint64_t desc,
                          struct shl_slab_view *out) {
  *out = (struct shl_slab_view){
      .unit = unit, .owner = shl_desc_owner(desc), .class_byte = shl_desc_class(desc)};
  out->info = shl_class_info(out->class_byte);
  out->bytes = (uint32_t)shl_block_room(out->info->bytes, shl_class_is_tagged(out->class_byte));
  out->row = shl_chunk_row(heap, shl_unit_chunk(unit));
  if (out->info->bytes == 0) return "A slab's class does not exist.";
  if (out->owner == 0 || out->owner > shl_slot_high_water(heap)) {
    return "A slab's owner is no thread slot in use.";
  }
  if (!rows_are_backed(out->row, unit, out->info->words)) {
    return "A slab's metadata pages are not backed.";
  }
  out->hot = shl_hot_row(heap, unit);
  out->remote = shl_remote_row(heap, unit);
  if (shl_class_is_tagged(out->class_byte)) return NULL;
  out->hand = &shl_slot_page(heap, out->owner)->hands[out->class_byte];
  return NULL;
}

struct shl_word_view shl_slab_word(const struct shl_slab_view *slab, unsigned word) {
  struct shl_word_view view = {.blocks = shl_class_word_mask(slab->info, word)};
  view.pending = shl_load_seq_cst_u64(&slab->remote->freed[word]);
  view.free = shl_load_acquire_u64(&slab->hot->free[word]);
  bool in_hand =
      slab->hand != NULL && shl_load_acquire_u32(&slab->hand->ref) == (slab->unit << 6 | word);
  if (in_hand) view.hand = shl_load_acquire_u64(&slab->hand->blocks);
  view.free |= shl_load_acquire_u64(&slab->hot->free[word]);
  return view;
}

bool shl_slab_stands(const shoal_heap *heap, uint32_t unit, uint64_t desc) {
  uint64_t now = shl_load_acquire_u64(shl_unit_desc(heap, unit));
  return ((now ^ desc) & ~SHL_DESC_FLAGS) == 0;
}

static bool find_in_slab(shoal_heap *heap, uint32_t unit, uint64_t desc, uint64_t off,
                         shoal_block *out) {
  uint32_t back = shl_desc_back(desc);
  if (back > unit % SHL_UNITS_PER_CHUNK) return false;
  struct shl_slab_view slab;
  uint32_t first = unit - back;
  uint64_t head = shl_load_acquire_u64(shl_unit_desc(heap, first));
  if (shl_desc_back(head) != 0 || shl_slab_look(heap, first, head, &slab) != NULL) return false;
  uint64_t index = (off - shl_unit_offset(first)) / slab.info->bytes;
  if (index >= slab.info->blocks) return false;
  struct shl_word_view word = shl_slab_word(&slab, (unsigned)(index / 64));
  *out = (shoal_block){.off = shl_unit_offset(first) + index * slab.info->bytes,
                       .bytes = slab.bytes};
  return (shl_word_allocated(&word) >> index % 64 & 1) != 0;
}

static bool find_in_runs(const shoal_heap *heap, uint32_t chunk, uint64_t off, shoal_block *out) {
  unsigned page = (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  unsigned start = page;
  while (start > 0 && shl_run_word(heap, chunk, start) == 0) start--;
  uint32_t d = shl_run_word(heap, chunk, start);
  unsigned pages = shl_run_pages(d);
  unsigned kind = shl_run_kind(d);
  if ((kind != SHL_RUN_BLOCK && kind != SHL_RUN_TAGGED) || page - start >= pages) return false;
  *out = (shoal_block){.off = shl_chunk_offset(chunk) + (uint64_t)start * SHL_PAGE_BYTES,
                       .bytes = shl_block_room((uint64_t)pages * SHL_PAGE_BYTES,
                                               kind == SHL_RUN_TAGGED)};
  return !shl_run_is_pending(heap, chunk, start);
}

static bool find_in_huge(shoal_heap *heap, uint32_t chunk, struct shl_chunk_word word,
                         uint64_t off, shoal_block *out) {
  uint32_t head = word.state == SHL_CHUNK_HEAD ? chunk : word.x;
  if (head < heap->first_chunk || head > chunk) return false;
  *out = (shoal_block){.off = shl_chunk_offset(head), .bytes = shl_huge_bytes(heap, head)};
  return off - out->off < out->bytes;
}

bool shl_block_find(shoal_heap *heap, uint64_t off, shoal_block *out) {
  uint64_t number = off >> SHL_CHUNK_SHIFT;
  if (number >= heap->chunk_end || !shl_chunk_known(heap, (uint32_t)number)) return false;
  uint32_t chunk = (uint32_t)number;
  struct shl_chunk_word word = shl_chunk_read(heap, chunk);
  if (shl_chunk_is_of_run(word)) return find_in_huge(heap, chunk, word, off, out);
  if (word.state != SHL_CHUNK_MIXED) return false;
  uint32_t unit = (uint32_t)(off >> SHL_UNIT_SHIFT);
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(heap, unit));
  if (shl_desc_class(desc) != 0) return find_in_slab(heap, unit, desc, off, out);
  return find_in_runs(heap, chunk, off, out);
}
