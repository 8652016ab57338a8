// SPDX-License-Identifier: MIT
// Finding, claiming and waiting for root records.
//
// A creator holds a record (J = ROOT(r), version busy), fills it in, stores the name's hash and
// probes again for the name. Two creators of one name may hold different records, where one became
// free between their probes. Each has stored the hash before it probes again, so at least one sees
// the other. Who stands later in the probe order withdraws and waits without holding anything; who
// stands earlier waits, holding its record, until the other has withdrawn or committed. Only the
// earlier one ever waits while it holds, so they cannot wait for each other, and one record
// results.
//
// What a record's owner has left by its death is finished by whoever wants the record: the owner's
// whole slot is recovered, since a record that stands there may be about this root too. A live
// owner is waited for.
// A crash leaves J = ROOT and the record busy: with check set it is let go as it is, otherwise
// emptied.
#include "alloc/root_claim.h"

#include <string.h>

#include "alloc/journal.h"
#include "alloc/slot.h"
#include "base/fail.h"
#include "mapping/os.h"

enum { NO_RECORD = -1 };

// What a probe for a name met. Positions are steps in probe order; NO_RECORD: none.
struct probe {
  int64_t found;      // the root of that name
  int64_t rival;      // another's unfinished record of that name
  int64_t available;  // the first record that a root may take
  int64_t busy;       // the first record that another holds
  uint64_t version;   // of the record found, or else available, read before the rest of it
  struct shl_root_copy copy;  // of the root found
};

static uint32_t index_at(const struct shl_root_change *change, int64_t position) {
  uint64_t count = change->seat.heap->root_count;
  return (uint32_t)((change->hash % count + (uint64_t)position) % count);
}

static bool has_name(const struct shl_root_change *change, uint32_t index) {
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    uint64_t word = shl_load_acquire_u64(&change->seat.heap->root_names[index].bytes[w]);
    if (word != change->name[w]) return false;
  }
  return true;
}

// returns: whether the probe goes on.
static bool probe_record(const struct shl_root_change *change, int64_t position,
                         struct probe *probe) {
  shoal_heap *heap = change->seat.heap;
  uint32_t index = index_at(change, position);
  uint64_t version = shl_load_seq_cst_u64(&heap->roots[index].version);
  uint64_t hash = shl_load_seq_cst_u64(&heap->roots[index].name_hash);
  bool busy = shl_root_decode(version).busy;
  bool available = !busy && (hash == SHL_ROOT_UNUSED || hash == SHL_ROOT_REMOVED);
  if (available && probe->available == NO_RECORD) {
    probe->available = position;
    probe->version = version;
  }
  if (busy && probe->busy == NO_RECORD) probe->busy = position;
  if (hash != change->hash) return busy || hash != SHL_ROOT_UNUSED;
  if (shl_root_copy(heap, index, &probe->copy)) {
    if (memcmp(probe->copy.name, change->name, SHL_ROOT_NAME_BYTES) != 0) return true;
    probe->found = position;
    probe->version = version;
    return false;
  }
  if (busy && probe->rival == NO_RECORD && has_name(change, index)) probe->rival = position;
  return true;
}

// Probes for the name, but at position `own`.
static void probe_all(const struct shl_root_change *change, int64_t own, struct probe *probe) {
  probe->found = probe->rival = probe->available = probe->busy = NO_RECORD;
  for (int64_t position = 0; position < change->seat.heap->root_count; position++) {
    if (position != own && !probe_record(change, position, probe)) return;
  }
}

bool shl_root_take(const struct shl_root_change *change, uint32_t index, uint64_t version) {
  struct shl_root_version mine = {
      .busy = true, .slot = shl_seat_id(change->seat), .count = shl_root_decode(version).count};
  if (shl_root_decode(version).busy) return false;
  shl_journal_set(change->seat.slot, SHL_J_ROOT, index, 0);
  if (shl_cas_seq_cst_u64(&change->seat.heap->roots[index].version, version,
                          shl_root_encode(mine))) {
    return true;
  }
  shl_journal_clear(change->seat.slot);
  return false;
}

void shl_root_end(const struct shl_root_change *change, uint32_t index) {
  shl_root_let_go(change->seat.heap, index);
  shl_journal_clear(change->seat.slot);
}

static bool owner_is_gone(const struct shl_root_change *change, uint32_t slot_id) {
  const shoal_heap *heap = change->seat.heap;
  if (slot_id == shl_seat_id(change->seat)) return true;
  if (slot_id == 0 || slot_id > shl_slot_high_water(heap)) return true;
  uint64_t word = shl_load_acquire_u64(&shl_owner_row(heap, slot_id)->word);
  struct shl_owner_word owner = shl_owner_decode(word);
  return owner.state != SHL_OWNER_OWNED || shl_owner_is_dead(heap, slot_id, owner);
}

// Finishes what the owner of a record, who is gone, was doing there. Where another recovers the
// slot, it lets the record go, and not before it has settled what stands there about it.
static void finish_for(const struct shl_root_change *change, uint32_t index, uint64_t word) {
  shoal_heap *heap = change->seat.heap;
  uint32_t owner = shl_root_decode(word).slot;
  bool is_slot = owner != 0 && owner <= shl_slot_high_water(heap);
  if (is_slot && owner != shl_seat_id(change->seat)) {
    if (shl_slot_recover(heap, owner)) return;
    if (shl_owner_read(heap, owner).state == SHL_OWNER_OWNED) return;
  }
  shl_journal_set(change->seat.slot, SHL_J_ROOT, index, 0);
  (void)shl_root_take_over(heap, index, word, shl_seat_id(change->seat));
  shl_journal_clear(change->seat.slot);
}

shoal_status shl_root_wait_for(const struct shl_root_change *change, uint32_t index) {
  uint64_t word = shl_load_acquire_u64(&change->seat.heap->roots[index].version);
  struct shl_root_version version = shl_root_decode(word);
  if (!version.busy) return SHOAL_OK;
  if (owner_is_gone(change, version.slot)) {
    finish_for(change, index, word);
    return SHOAL_OK;
  }
  if (shl_os_now_ns() > change->deadline_ns) {
    return shl_fail(SHOAL_E_BUSY, 0, "Thread slot %u goes on holding root record %u.",
                    (unsigned)version.slot, (unsigned)index);
  }
  shl_os_sleep_ms(1);
  return SHOAL_OK;
}

void shl_root_withdraw(const struct shl_root_change *change, uint32_t index) {
  shl_root_empty(change->seat.heap, index);
  shl_root_end(change, index);
}

// Fills a record that is held, up to the name's hash.
// returns: its check, to be stored as the commit.
static uint64_t fill(const struct shl_root_change *change, uint32_t index, const shoal_root *root) {
  shoal_heap *heap = change->seat.heap;
  struct shl_root_rec *record = &heap->roots[index];
  struct shl_root_copy copy = {.root = *root, .hash = change->hash};
  copy.generation = shl_load_relaxed_u64(&record->generation) + 1;
  memcpy(copy.name, change->name, sizeof copy.name);
  shl_store_release_u64(&record->off, root->off);
  shl_store_release_u64(&record->size, root->size);
  shl_store_release_u64(&record->type_id, root->type_id);
  shl_store_release_u32(&record->type_version, root->type_version);
  shl_store_release_u32(&record->flags, root->flags);
  shl_store_release_u64(&record->generation, copy.generation);
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    shl_store_release_u64(&heap->root_names[index].bytes[w], copy.name[w]);
  }
  shl_store_seq_cst_u64(&record->name_hash, change->hash);
  return shl_root_check(&copy);
}

// Waits, holding the record at `own`, until no later one claims the name.
// returns: whether the record may be committed; otherwise the caller withdraws, and waits for
//   *rival where that is a record.
static bool wins(const struct shl_root_change *change, int64_t own, int64_t *rival) {
  struct probe probe;
  while (true) {
    probe_all(change, own, &probe);
    *rival = probe.rival;
    if (probe.found != NO_RECORD) return false;
    if (probe.rival == NO_RECORD) return true;
    if (probe.rival < own) return false;
    uint64_t word = shl_load_acquire_u64(
        &change->seat.heap->roots[index_at(change, probe.rival)].version);
    struct shl_root_version version = shl_root_decode(word);
    if (version.busy && owner_is_gone(change, version.slot)) return false;
    if (shl_os_now_ns() > change->deadline_ns) return false;
    shl_os_sleep_ms(1);
  }
}

// Holds and fills the record that a probe found available. returns: whether it is held; otherwise
// look again, after *status where that is not OK.
static bool claim(const struct shl_root_change *change, const struct probe *at,
                  const shoal_root *root, struct shl_root_claim *out, shoal_status *status) {
  uint32_t index = index_at(change, at->available);
  if (!shl_root_take(change, index, at->version)) return false;
  *out = (struct shl_root_claim){.index = index, .check = fill(change, index, root)};
  int64_t rival = NO_RECORD;
  if (wins(change, at->available, &rival)) return true;
  shl_root_withdraw(change, index);
  if (rival != NO_RECORD) *status = shl_root_wait_for(change, index_at(change, rival));
  return false;
}

static struct shl_root_claim found(const struct shl_root_change *change,
                                   const struct probe *probe) {
  return (struct shl_root_claim){.found = true,
                                 .index = index_at(change, probe->found),
                                 .version = probe->version,
                                 .root = probe->copy.root};
}

shoal_status shl_root_find_or_claim(const struct shl_root_change *change, const shoal_root *root,
                                    struct shl_root_claim *out) {
  struct probe probe;
  shoal_status status = SHOAL_OK;
  while (status == SHOAL_OK) {
    probe_all(change, NO_RECORD, &probe);
    if (probe.found != NO_RECORD) {
      *out = found(change, &probe);
      return SHOAL_OK;
    }
    if (probe.rival != NO_RECORD) {
      status = shl_root_wait_for(change, index_at(change, probe.rival));
    } else if (probe.available != NO_RECORD) {
      if (claim(change, &probe, root, out, &status)) return SHOAL_OK;
    } else if (probe.busy != NO_RECORD) {
      status = shl_root_wait_for(change, index_at(change, probe.busy));
    } else {
      return shl_fail(SHOAL_E_LIMIT, 0, "max_roots (%u) roots stand.",
                      (unsigned)change->seat.heap->root_count);
    }
  }
  return status;
}

bool shl_root_find_only(const struct shl_root_change *change, struct shl_root_claim *out) {
  struct probe probe;
  probe_all(change, NO_RECORD, &probe);
  if (probe.found != NO_RECORD) *out = found(change, &probe);
  return probe.found != NO_RECORD;
}

bool shl_root_is_same_kind(const shoal_root *a, const shoal_root *b) {
  return a->size == b->size && a->type_id == b->type_id && a->type_version == b->type_version &&
         a->flags == b->flags;
}

shoal_status shl_root_begin(struct shl_root_change *change, shoal_heap *heap, const char *name,
                            unsigned wait_ms) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "The heap is null.");
  *change = (struct shl_root_change){.seat = {.heap = heap}};
  if (!shl_root_name(name, change->name)) {
    return shl_fail(SHOAL_E_NAME, 0, "A root's name has 1 to 63 bytes.");
  }
  change->hash = shl_root_hash(change->name);
  change->deadline_ns = shl_os_now_ns() + UINT64_C(1000000) * wait_ms;
  return shl_handle_may_store(heap);
}
