// SPDX-License-Identifier: MIT
// Process records: {LIVE or FREE, generation}, and the liveness byte of the same number.
//
// Invariants
//   I1  Whoever stores a record's word holds its byte, or the gate while nobody holds the byte.
//   I2  A generation stands for one registration: whatever names an older one is dead, whether or
//       not the byte is held by a successor.
//   I3  Records are taken under the gate only.
// A crash leaves the record LIVE and its byte free: dead. Its thread slots and pins are recovered
// by others, who then clear the record; where no FREE record is left, a dead one is taken: it is
// FREE before its byte is held again, so that what names it counts as dead throughout, and from the
// new generation on by I2.
#include "mapping/process.h"

#include "base/fail.h"
#include "mapping/region_part.h"

enum { STATE_MASK = 0xff, GENERATION_SHIFT = 8, GENERATION_MASK = 0xffffff };

static struct shl_process_rec *record_of(const struct shl_region *region, uint32_t process) {
  const struct shl_area_rec *area = shl_superblock_area(&region->header, SHL_AREA_PROCESS);
  return (struct shl_process_rec *)(void *)(region->base + area->offset) + (process - 1);
}

static unsigned state_of(uint64_t word) {
  return (unsigned)(word & STATE_MASK);
}

static uint32_t generation_of(uint64_t word) {
  return (uint32_t)(word >> GENERATION_SHIFT) & GENERATION_MASK;
}

static uint64_t word_of(unsigned state, uint32_t generation) {
  return state | (uint64_t)(generation & GENERATION_MASK) << GENERATION_SHIFT;
}

static void enter_record(struct shl_region *region, uint32_t process) {
  struct shl_process_rec *record = record_of(region, process);
  uint32_t generation = (generation_of(shl_load_acquire_u64(&record->word)) + 1) & GENERATION_MASK;
  shl_store_release_u64(&record->pid, shl_identity_process());
  shl_store_release_u64(&record->start_time, shl_identity_process_start());
  shl_store_seq_cst_u64(&record->word, word_of(SHL_PROCESS_LIVE, generation));
  region->process = process;
  region->process_generation = generation;
}

// Says that a record is FREE whose process is dead. returns: false where it lives.
static bool free_dead(struct shl_region *region, uint32_t process) {
  shl_a64 *word = &record_of(region, process)->word;
  uint32_t generation = generation_of(shl_load_acquire_u64(word));
  if (!shl_process_is_dead(region, process, generation)) return false;
  shl_store_seq_cst_u64(word, word_of(SHL_PROCESS_FREE, generation));
  return true;
}

// Takes a record that is FREE or, where `dead` ones may be taken too, any whose byte is free.
static shoal_status take_record(struct shl_region *region, bool dead) {
  struct shl_region_private *part = region->private_part;
  for (uint32_t k = 1; k <= region->header.max_processes; k++) {
    bool is_free = state_of(shl_load_acquire_u64(&record_of(region, k)->word)) == SHL_PROCESS_FREE;
    if (!is_free && !(dead && free_dead(region, k))) continue;
    shoal_status status = shl_liveness_take(part->object, k, &part->liveness);
    if (status == SHOAL_E_BUSY) continue;
    if (status == SHOAL_OK) enter_record(region, k);
    return status;
  }
  return SHOAL_E_BUSY;
}

shoal_status shl_process_register(struct shl_region *region) {
  if (region->private_part->object == NULL) {
    enter_record(region, 1);
    return SHOAL_OK;
  }
  shoal_status status = take_record(region, false);
  if (status == SHOAL_E_BUSY) status = take_record(region, true);
  if (status != SHOAL_E_BUSY) return status;
  return shl_fail(SHOAL_E_LIMIT, 0, "%u processes are attached: max_processes of this region.",
                  region->header.max_processes);
}

void shl_process_leave(struct shl_region *region) {
  struct shl_process_rec *record = record_of(region, region->process);
  shl_store_seq_cst_u64(&record->word, word_of(SHL_PROCESS_FREE, region->process_generation));
}

void shl_process_clear(struct shl_region *region, uint32_t process, uint32_t generation) {
  struct shl_liveness byte;
  const struct shl_object *object = region->private_part->object;
  if (object == NULL || process == 0 || process > region->header.max_processes) return;
  if (shl_liveness_take(object, process, &byte) != SHOAL_OK) return;
  struct shl_process_rec *record = record_of(region, process);
  if (shl_load_acquire_u64(&record->word) == word_of(SHL_PROCESS_LIVE, generation)) {
    shl_store_seq_cst_u64(&record->word, word_of(SHL_PROCESS_FREE, generation));
  }
  shl_liveness_drop(&byte);
}

bool shl_process_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  if (process == region->process && generation == region->process_generation) return false;
  if (process == 0 || process > region->header.max_processes) return true;
  const struct shl_process_rec *record = record_of(region, process);
  uint64_t word = shl_load_acquire_u64(&record->word);
  if (word != word_of(SHL_PROCESS_LIVE, generation)) return true;
  const struct shl_object *object = region->private_part->object;
  bool held = object != NULL &&
              shl_liveness_is_held(object, process, shl_load_acquire_u64(&record->pid),
                                   shl_load_acquire_u64(&record->start_time));
  // Whoever holds the byte by now may be the successor, who has made the record FREE before.
  return !held || shl_load_acquire_u64(&record->word) != word;
}

bool shl_process_next_dead(const struct shl_region *region, uint32_t *process,
                           uint32_t *generation) {
  while (*process < region->header.max_processes) {
    uint64_t word = shl_load_acquire_u64(&record_of(region, ++*process)->word);
    *generation = generation_of(word);
    bool is_live = state_of(word) == SHL_PROCESS_LIVE;
    if (is_live && region->is_dead(region, *process, *generation)) return true;
  }
  return false;
}

uint32_t shl_process_count(const struct shl_region *region) {
  uint32_t count = 0;
  for (uint32_t k = 1; k <= region->header.max_processes; k++) {
    uint64_t word = shl_load_acquire_u64(&record_of(region, k)->word);
    bool lives = state_of(word) == SHL_PROCESS_LIVE &&
                 !shl_process_is_dead(region, k, generation_of(word));
    if (lives) count++;
  }
  return count;
}

// A start that could not be read is 0 and counts as the same: a mapping that stays is better than
// one that is taken from under another copy's feet.
static bool may_be_same_start(uint64_t left, uint64_t right) {
  return left == right || left == 0 || right == 0;
}

// Whether a living process of that number and start has a record other than number `except`.
static bool has_record(const struct shl_region *region, uint64_t pid, uint64_t start,
                       uint32_t except) {
  for (uint32_t k = 1; k <= region->header.max_processes; k++) {
    const struct shl_process_rec *record = record_of(region, k);
    bool same = k != except && shl_load_acquire_u64(&record->pid) == pid &&
                may_be_same_start(shl_load_acquire_u64(&record->start_time), start);
    uint64_t word = shl_load_acquire_u64(&record->word);
    if (same && state_of(word) == SHL_PROCESS_LIVE &&
        !shl_process_is_dead(region, k, generation_of(word))) {
      return true;
    }
  }
  return false;
}

bool shl_process_is_attached(const struct shl_region *region) {
  return has_record(region, shl_identity_process(), shl_identity_process_start(), 0);
}

bool shl_process_is_attached_twice(const struct shl_region *region) {
  const struct shl_process_rec *own = record_of(region, region->process);
  return has_record(region, shl_load_acquire_u64(&own->pid), shl_load_acquire_u64(&own->start_time),
                    region->process);
}
