// SPDX-License-Identifier: MIT
// Goal: a heap that was used and emptied is as if it had never been used; nothing can be stored
// beside it unnoticed; and nothing of it is left when it is closed. Method: a heap filled with
// everything by several threads, its rows afterwards; helper processes that step on the guards;
// /proc and /dev/shm before and after. Linux.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <shoal/root.h>

#include "alloc/chunk.h"
#include "alloc/handle.h"
#include "alloc/slot.h"
#include "base/align.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/random/crew.h"
#include "tests/random/draw.h"
#include "tests/random/holdings.h"
#include "tests/random/model.h"

enum { CAPACITY = 32 << 20, WORKERS = 4, BLOCKS = 600, PATH_BYTES = 256 };

static struct model model;
static struct draw draw;
static struct crew crew;

static shoal_status open_kind(shoal_kind kind, shoal_lifetime lifetime, const char *name,
                              shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .lifetime = lifetime,
                           .max_processes = 4,
                           .max_threads = 16,
                           .max_roots = 64,
                           .max_pins = 64};
  return shoal_open(name, &options, out);
}

static void allocate_some(void *heap) {
  for (unsigned i = 0; i < BLOCKS / WORKERS; i++) {
    uint64_t size = draw_size(&draw, draw_chance(&draw, 5) ? 3 << 20 : 20000);
    shoal_off off = shoal_alloc(heap, size, 0);
    if (off != 0) (void)model_add(&model, off, size, 16);
  }
}

static void free_some(void *heap) {
  for (unsigned i = 0; i < BLOCKS / WORKERS && model.count != 0; i++) {
    struct model_block block = model_take(&model, draw_below(&draw, model.count));
    EXPECT_OK(shoal_free_offset(heap, block.off));
  }
}

static void go_idle(void *heap) {
  EXPECT_OK(shoal_thread_idle(heap));
}

// Every worker allocates, then every worker frees what comes, so that most frees are of others'
// blocks; roots and pins come and go beside.
static void use(shoal_heap *heap) {
  shoal_root root = {.off = 4096};
  shoal_pin_id pin = 0;
  draw.state = 4711;
  model_begin(&model, heap);
  ASSERT(crew_start(&crew, WORKERS));
  for (unsigned i = 0; i < WORKERS; i++) crew_run(&crew, i, allocate_some, heap);
  model_audit(&model);
  EXPECT_OK(shoal_root_set(heap, "one", &root));
  EXPECT_OK(shoal_pin(heap, model.blocks[0].off, 1, &pin));
  while (model.count != 0) {
    crew_run(&crew, (unsigned)draw_below(&draw, WORKERS), free_some, heap);
  }
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(shoal_root_remove(heap, "one"));
  for (unsigned i = 0; i < WORKERS; i++) crew_run(&crew, i, go_idle, heap);
  crew_stop(&crew);
}

static void expect_chunk_is_empty(shoal_heap *heap, uint32_t chunk) {
  const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  EXPECT_EQ(shl_chunk_encode(SHL_CHUNK_FREE, 0, 0), shl_load_acquire_u64(&row->word));
  EXPECT_EQ(0, shl_load_acquire_u32(&row->committed));
  EXPECT_EQ(0, shl_load_acquire_u16(&row->meta));
  uint64_t bits = 0;
  for (unsigned i = 0; i < 8; i++) bits |= shl_load_acquire_u64(&row->remote_pages[i]);
  for (uint32_t i = 0; i < SHL_UNITS_PER_CHUNK; i++) {
    bits |= shl_load_acquire_u64(shl_unit_desc(heap, chunk * SHL_UNITS_PER_CHUNK + i));
  }
  EXPECT_EQ(0, bits);
}

static void expect_slot_is_empty(shoal_heap *heap, uint32_t slot) {
  const struct shl_slot_rec *page = shl_slot_page(heap, slot);
  uint64_t bits = shl_load_acquire_u64(&page->journal) | shl_load_acquire_u64(&page->record.op);
  for (unsigned i = 0; i < SHL_RESERVATIONS; i++) {
    bits |= shl_load_acquire_u64(&page->reservations[i]);
  }
  for (unsigned i = 0; i < SHL_CLASS_COUNT; i++) {
    bits |= shl_load_acquire_u32(&page->hands[i].head) |
            shl_load_acquire_u32(&page->tagged_heads[i]);
    bits |= shl_load_acquire_u64(&page->hands[i].blocks) |
            shl_load_acquire_u32(&page->hands[i].ref);
  }
  EXPECT_EQ(0, bits);
}

static void an_emptied_heap_is_as_new(void) {
  shoal_heap *heap;
  ASSERT_OK(open_kind(SHOAL_KIND_PRIVATE, SHOAL_LIFETIME_DEFAULT, NULL, &heap));
  for (unsigned round = 0; round < 3; round++) {
    use(heap);
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    EXPECT_OK(shoal_thread_idle(heap));
    uint32_t high = shl_chunk_high_water(heap);
    EXPECT_LT(heap->first_chunk + 3, high);
    for (uint32_t i = heap->first_chunk; i < high; i++) expect_chunk_is_empty(heap, i);
    uint64_t slots = shl_load_acquire_u64(&heap->words->slot_high_water);
    EXPECT_LT(WORKERS, slots);
    for (uint32_t i = 1; i <= slots; i++) expect_slot_is_empty(heap, i);
    model_audit_empty(&model);
  }
  EXPECT_OK(shoal_close(heap));
}

// Where a role steps, and how. The places before the guards are there to show that it is the guard
// that kills.
static uint64_t place(const shoal_heap *heap, const char *which) {
  const struct shl_superblock_rec *superblock = heap->region->superblock;
  uint64_t guard = shl_align_up(superblock->metadata_bytes, SHL_UNIT_BYTES);
  uint64_t capacity = heap->view.capacity;
  switch (which[0]) {
    case 'a': return superblock->metadata_bytes - 1;
    case 'b': return guard;
    case 'c': return superblock->data_offset - 1;
    case 'd': return capacity - 1;
    case 'e': return capacity;
    case 'f': return capacity + SHL_GUARD_BYTES - 1;
    default: return 0;
  }
}

// argv: "named" or "private", name, place, "read" or "store".
static void step_on(int argc, char **argv) {
  shoal_heap *heap;
  if (argc != 4) exit(3);
  (void)signal(SIGSEGV, SIG_DFL);
  bool named = argv[0][0] == 'n';
  ASSERT_OK(open_kind(named ? SHOAL_KIND_NAMED : SHOAL_KIND_PRIVATE, SHOAL_LIFETIME_DEFAULT,
                      named ? argv[1] : NULL, &heap));
  shoal_heap_stats stats = {.size = sizeof stats};
  ASSERT_OK(shoal_stats(heap, &stats));
  ASSERT_NE(0, shoal_alloc(heap, stats.uncommitted, 0));
  volatile char *byte = heap->view.base + place(heap, argv[2]);
  char before = *byte;
  if (argv[3][0] == 's') *byte = before;
  ASSERT_OK(shoal_close(heap));
}

// returns: how the helper ended.
static int step(const char *kind, const char *where, const char *how) {
  struct test_child child = {0};
  char name[TEST_NAME_BYTES];
  const char *arguments[] = {kind, test_unique_name(name), where, how, NULL};
  if (!test_spawn(&child, "step_on", arguments)) return 0;
  int code = test_child_wait(&child);
  if (code != 0) (void)shoal_unlink(name);
  return code;
}

static void guards_kill_whoever_steps_on_them(void) {
  const char *const kinds[] = {"private", "named"};
  const char *const guards[] = {"b", "c", "e", "f"};
  for (unsigned k = 0; k < 2; k++) {
    EXPECT_EQ(0, step(kinds[k], "a", "read"));
    EXPECT_EQ(0, step(kinds[k], "d", "store"));
    for (unsigned i = 0; i < 4; i++) {
      EXPECT_EQ(-SIGSEGV, step(kinds[k], guards[i], "read"));
      EXPECT_EQ(-SIGSEGV, step(kinds[k], guards[i], "store"));
    }
  }
}

// What a closed heap must have left. Private to the process.
struct expectation {
  shoal_kind kind;
  shoal_lifetime lifetime;
  bool stays;  // its name does
};

static void use_and_close(const struct expectation *expected, const char *name, const char *path) {
  shoal_heap *heap;
  ASSERT_OK(open_kind(expected->kind, expected->lifetime, name, &heap));
  uint64_t begin = (uint64_t)(uintptr_t)heap->view.base;
  use(heap);
  EXPECT_NE(0, shoal_alloc(heap, 100, 0));
  EXPECT_NE(0, holdings_mappings_in(begin, begin + CAPACITY));
  if (path != NULL) EXPECT_NE(0, holdings_locks(path));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, holdings_mappings_in(begin, begin + CAPACITY + SHL_GUARD_BYTES));
  if (path != NULL) EXPECT_EQ(0, holdings_locks(path));
  if (path != NULL) EXPECT_EQ(expected->stays ? 0 : -1, access(path, F_OK));
  if (expected->stays) EXPECT_OK(shoal_unlink(name));
  if (path != NULL) EXPECT_EQ(-1, access(path, F_OK));
}

static void close_leaves_nothing(void) {
  const struct expectation rows[] = {
      {SHOAL_KIND_PRIVATE, SHOAL_LIFETIME_DEFAULT, false},
      {SHOAL_KIND_MEMFD, SHOAL_LIFETIME_DEFAULT, false},
      {SHOAL_KIND_NAMED, SHOAL_LIFETIME_LAST_DETACH, false},
      {SHOAL_KIND_NAMED, SHOAL_LIFETIME_PERSIST, true},
      {SHOAL_KIND_FILE, SHOAL_LIFETIME_DEFAULT, true},
  };
  char unique[TEST_NAME_BYTES];
  for (unsigned i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
    const struct expectation *row = &rows[i / 2];
    char name[PATH_BYTES], path[PATH_BYTES + 32];
    const char *folder = getenv("TEST_TMPDIR");
    bool file = row->kind == SHOAL_KIND_FILE, named = row->kind == SHOAL_KIND_NAMED;
    (void)test_unique_name(unique);
    (void)snprintf(name, sizeof name, "%s%s%s", file ? folder != NULL ? folder : "/tmp" : "",
                   file ? "/" : "", unique);
    (void)snprintf(path, sizeof path, "%s%s", named ? "/dev/shm/shoal." : "", name);
    uint64_t descriptors = holdings_descriptors(), mappings = holdings_mappings();
    use_and_close(row, file || named ? name : NULL, file || named ? path : NULL);
    EXPECT_EQ(descriptors, holdings_descriptors());
    // The first round leaves what the C library keeps of the threads.
    if (i % 2 == 1) EXPECT_EQ(mappings, holdings_mappings());
    EXPECT_EQ(0, holdings_objects(unique));
  }
}

SUITE(accounting, TEST(an_emptied_heap_is_as_new), TEST(guards_kill_whoever_steps_on_them),
      TEST(close_leaves_nothing), ROLE(step_on))
