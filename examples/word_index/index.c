// SPDX-License-Identifier: MIT
// The index as a whole: the heap, the root that leads to it, and who may read or change it when.
//
// The epoch is odd while the index changes. A builder's workers change it together (epoch 1); their
// order among themselves is word_map.h's and hits.h's business. Afterwards only `drop` changes it,
// one process at a time. Readers map the heap read-only and so cannot ask anybody to wait: they
// copy what they need, look whether the epoch is still the one they began with, and otherwise do it
// again. What they copied meanwhile may be nonsense, which is why readers check each offset
// (word_map.h); nothing copied is used before the epoch was found unchanged.
#include "examples/word_index/index.h"

#include <stdio.h>
#include <string.h>

#include "examples/word_index/process.h"
#include "examples/word_index/report.h"
#include "examples/word_index/word_map.h"

enum { WAIT_MS = 2000, STEP_MS = 5, MS_US = 1000 };

static bool fill_index(struct index *index) {
  index->rec = shoal_ptr(index->heap, shoal_alloc(index->heap, sizeof *index->rec,
                                                  SHOAL_ZERO | SHOAL_ALIGN(CACHE_LINE)));
  if (index->rec == NULL) {
    report_no_memory("the index");
    return false;
  }
  atomic_store_explicit(&index->rec->epoch, 1, memory_order_relaxed);
  if (!word_map_init(index->heap, &index->rec->map)) return false;
  shoal_root root = {.off = shoal_offset(index->heap, index->rec), .size = sizeof *index->rec,
                     .type_id = INDEX_TYPE, .type_version = INDEX_VERSION};
  shoal_status status = shoal_root_set(index->heap, INDEX_ROOT, &root);
  if (status != SHOAL_OK) report_status(status, "cannot set the root of heap '%s'", index->name);
  return status == SHOAL_OK;
}

bool index_create(struct index *index, const char *name) {
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE | SHOAL_EXCLUSIVE,
                           .lifetime = SHOAL_LIFETIME_PERSIST};
  *index = (struct index){.name = name};
  shoal_status status = shoal_open(name, &options, &index->heap);
  if (status == SHOAL_E_EXISTS) {
    report("heap '%s' exists already; 'word_index rm --heap %s' removes it", name, name);
    return false;
  }
  if (status != SHOAL_OK) {
    report_status(status, "cannot create heap '%s'", name);
    return false;
  }
  if (fill_index(index)) return true;
  index_close(index);
  (void)shoal_unlink(name);
  return false;
}

bool index_open(struct index *index, const char *name, enum index_access access) {
  shoal_options options = {.size = sizeof options,
                           .flags = access == INDEX_READ ? SHOAL_READ_ONLY : 0};
  *index = (struct index){.name = name};
  shoal_status status = shoal_open(name, &options, &index->heap);
  if (status != SHOAL_OK) {
    report_status(status, "cannot open heap '%s'", name);
    return false;
  }
  shoal_root root;
  status = shoal_root_get(index->heap, INDEX_ROOT, &root);
  if (status != SHOAL_OK || root.type_id != INDEX_TYPE) {
    report("heap '%s' holds no word index", name);
  } else if (root.type_version != INDEX_VERSION || root.size != sizeof *index->rec) {
    report("heap '%s' holds a word index of version %u; this program reads %d", name,
           root.type_version, INDEX_VERSION);
  } else {
    index->rec = shoal_ptr(index->heap, root.off);
    return true;
  }
  index_close(index);
  return false;
}

bool index_add_desks(const struct index *index, uint32_t workers) {
  index->rec->workers = workers;
  index->rec->desks = shoal_alloc(index->heap, workers * sizeof(struct desk_rec),
                                  SHOAL_ZERO | SHOAL_ALIGN(CACHE_LINE));
  if (index->rec->desks == 0) report_no_memory("the workers' desks");
  return index->rec->desks != 0;
}

void index_close(struct index *index) {
  (void)shoal_close(index->heap);
  index->heap = NULL;
}

void index_finish_build(const struct index *index) {
  atomic_store_explicit(&index->rec->epoch, 2, memory_order_release);
}

bool index_begin_read(const struct index *index, uint64_t *epoch) {
  for (unsigned waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_MS) {
    *epoch = atomic_load_explicit(&index->rec->epoch, memory_order_acquire);
    if (*epoch % 2 == 0) return true;
    if (*epoch == 1) break;
    process_sleep_us(STEP_MS * MS_US);
  }
  if (*epoch == 1) {
    report("the index in heap '%s' is still being built, or its build was cut short", index->name);
  } else {
    report("heap '%s' is being changed for more than %d ms; if a 'drop' was killed, remove the "
           "heap and build it again", index->name, WAIT_MS);
  }
  return false;
}

bool index_end_read(const struct index *index, uint64_t epoch) {
  atomic_thread_fence(memory_order_acquire);
  return atomic_load_explicit(&index->rec->epoch, memory_order_relaxed) == epoch;
}

bool index_begin_change(const struct index *index) {
  uint64_t epoch = 0;
  do {
    if (!index_begin_read(index, &epoch)) return false;
  } while (!atomic_compare_exchange_strong_explicit(&index->rec->epoch, &epoch, epoch + 1,
                                                    memory_order_seq_cst, memory_order_relaxed));
  atomic_thread_fence(memory_order_release);
  return true;
}

void index_end_change(const struct index *index) {
  (void)atomic_fetch_add_explicit(&index->rec->epoch, 1, memory_order_release);
}
