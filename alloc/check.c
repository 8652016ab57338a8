// SPDX-License-Identifier: MIT
// shoal_check: the heap's invariants as questions, asked of every chunk, part, slab, slot and
// record.
//
//   partition    the census cuts the data without gaps; a run inside another, past its chunk or
//                without its descriptors is broken; pages handed out are backed
//   blocks       F, A and RB of a slab are disjoint and within its blocks
//   caches       bitmap = D, N covers F, zero only on free backed pages
//   lists        PARTIAL slabs are on their owner's list once, FULL ones on none
//   hints        a slab with RB bits has all three levels
//   rest         owner words, journals, hands, roots, pins
//
// A contradiction seen while others work is a suspect: it is looked at again, and dropped when some
// journal says that a step is under way there (or was cut short and waits for recovery). At rest
// all journals are 0 and nothing excuses.
// Nothing is stored in the region, so a crash leaves nothing. One bit a unit is kept in private
// memory to tell a list from a ring beside it.
#include "alloc/check.h"

#include <stdlib.h>

#include "alloc/chunk.h"
#include "base/align.h"
#include "base/fail.h"
#include "mapping/os.h"

enum {
  LOOKS = 8,              // a millisecond apart: a step takes microseconds
  GLANCES = 16,           // in each look, at once: a busy chunk changes during most of them
  FINDINGS_PATIENCE = 32  // after so many the heap is broken for certain: no waiting any more
};

void shl_check_report(struct shl_check *check, uint64_t off, const char *text) {
  check->findings++;
  if (check->report != NULL) check->report(check->context, off, text);
}

static bool is_excused(const struct shl_check *check, const struct shl_subject *subject) {
  if (subject->strict) return false;
  if (subject->slot != 0 && subject->slot <= shl_slot_high_water(check->heap)) {
    const struct shl_slot_rec *slot = shl_slot_page(check->heap, subject->slot);
    if (shl_load_acquire_u64(&slot->journal) != 0) return true;
  }
  return subject->chunk != 0 && shl_census_is_journalled(check->heap, subject->chunk);
}

static bool holds_at_last(const struct shl_check *check, const struct shl_rule *rule,
                          const struct shl_subject *subject) {
  bool patient = check->findings < FINDINGS_PATIENCE;
  unsigned glances = patient ? LOOKS * GLANCES : 1;
  for (unsigned i = 0; i < glances; i++) {
    if (i != 0 && i % GLANCES == 0) shl_os_sleep_ms(1);
    if (rule->holds(check, subject)) return true;
  }
  return is_excused(check, subject) || rule->holds(check, subject);
}

bool shl_check_rules(struct shl_check *check, const struct shl_rule *rules, size_t count,
                     const struct shl_subject *subject) {
  bool all = true;
  for (size_t i = 0; i < count; i++) {
    if (holds_at_last(check, &rules[i], subject)) continue;
    shl_check_report(check, subject->off, rules[i].text);
    all = false;
  }
  return all;
}

bool shl_check_is_marked(const struct shl_check *check, uint32_t unit) {
  uint32_t bit = unit - check->heap->first_chunk * SHL_UNITS_PER_CHUNK;
  return (check->listed[bit / 8] >> bit % 8 & 1) != 0;
}

bool shl_check_mark(const struct shl_check *check, uint32_t unit) {
  if (shl_check_is_marked(check, unit)) return false;
  uint32_t bit = unit - check->heap->first_chunk * SHL_UNITS_PER_CHUNK;
  check->listed[bit / 8] = (uint8_t)(check->listed[bit / 8] | 1U << bit % 8);
  return true;
}

static bool marks_are_in_range(const struct shl_check *check, const struct shl_subject *subject) {
  (void)subject;
  const shoal_heap *heap = check->heap;
  uint64_t chunks = shl_load_acquire_u64(&heap->words->chunk_high_water);
  uint64_t slots = shl_load_acquire_u64(&heap->words->slot_high_water);
  return chunks >= heap->first_chunk && chunks <= heap->chunk_end && slots <= heap->slot_count;
}

static bool areas_are_apart(const struct shl_check *check, const struct shl_subject *subject) {
  (void)subject;
  const struct shl_superblock_rec *superblock = check->heap->region->superblock;
  uint64_t capacity = check->heap->view.capacity;
  uint32_t count = superblock->area_count;
  if (count > SHL_AREAS_MAX) return false;
  for (uint32_t i = 0; i < count; i++) {
    const struct shl_area_rec *a = &superblock->areas[i];
    if (a->offset > capacity || a->bytes > capacity - a->offset) return false;
    for (uint32_t k = 0; k < i; k++) {
      const struct shl_area_rec *b = &superblock->areas[k];
      if (a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes) return false;
    }
  }
  return true;
}

static bool data_begins_where_said(const struct shl_check *check,
                                   const struct shl_subject *subject) {
  (void)subject;
  const shoal_heap *heap = check->heap;
  const struct shl_superblock_rec *superblock = heap->region->superblock;
  return heap->words->first_chunk == heap->first_chunk &&
         superblock->data_offset == shl_chunk_offset(heap->first_chunk) &&
         superblock->metadata_bytes + SHL_GUARD_BYTES <= superblock->data_offset;
}

static const struct shl_rule heap_rules[] = {
    {marks_are_in_range, "A high-water mark lies outside its table."},
    {areas_are_apart, "The superblock's areas overlap or leave the region."},
    {data_begins_where_said, "The superblock and the heap words disagree on where data begins."},
};

static void check_data(struct shl_check *check) {
  struct shl_census census;
  struct shl_part part;
  uint32_t examined = check->heap->first_chunk;
  shl_census_begin(&census, check->heap);
  census.high = check->high;
  while (shl_census_next(&census, &part)) {
    uint32_t end = part.chunk + (part.chunks != 0 ? part.chunks : 1);
    for (; examined < end; examined++) shl_check_chunk(check, examined);
    uint64_t off = shl_chunk_offset(part.chunk) + (uint64_t)part.page * SHL_PAGE_BYTES;
    if (part.kind == SHL_PART_BROKEN) shl_check_report(check, off, part.text);
    shl_check_part(check, &part);
    if (part.kind == SHL_PART_SLAB) shl_check_slab(check, &part);
  }
}

shoal_status shoal_check(shoal_heap *heap, shoal_check_reporter *report, void *context) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_check: the heap is null.");
  struct shl_check check = {.heap = heap, .report = report, .context = context};
  check.high = shl_chunk_high_water(heap);
  size_t units = (size_t)(check.high - heap->first_chunk) * SHL_UNITS_PER_CHUNK;
  check.listed = calloc(units / 8 + 1, 1);
  if (check.listed == NULL) return shl_fail(SHOAL_E_NO_SPACE, 0, "No memory for the check itself.");
  struct shl_subject words = {.off = shl_region_offset(heap, heap->words)};
  (void)shl_check_rules(&check, heap_rules, sizeof heap_rules / sizeof heap_rules[0], &words);
  uint32_t slots = shl_slot_high_water(heap);
  for (uint32_t slot = 1; slot <= slots; slot++) shl_check_slot(&check, slot);
  check_data(&check);
  shl_check_roots(&check);
  shl_check_pins(&check);
  free(check.listed);
  if (check.findings == 0) return SHOAL_OK;
  return shl_fail(SHOAL_E_CORRUPT, 0, "The check found %llu contradictions.",
                  (unsigned long long)check.findings);
}
