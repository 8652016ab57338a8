// SPDX-License-Identifier: MIT
// Goal: roots are found, moved and removed by name; a creation or change cut short anywhere leaves
// a root or none; creators of one name at once leave one. Method: PRIVATE heaps, records written by
// hand as a dead slot leaves them, threads.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <shoal/inspect.h>

#include "alloc/journal.h"
#include "alloc/root.h"
#include "alloc/slot.h"
#include "tests/harness/harness.h"

enum { ROOTS = 8, DEAD_PROCESS = 3, STOPPED_PROCESS = 4, THREADS = 4, RACE_NAMES = 3 };

static shoal_heap *heap;

static bool is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  (void)region;
  (void)generation;
  return process == DEAD_PROCESS;
}

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 8 << 20,
                           .max_processes = 4,
                           .max_threads = 16,
                           .max_roots = ROOTS};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
  heap->region->is_dead = is_dead;
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static shoal_status set(const char *name, shoal_off off) {
  shoal_root root = {.off = off, .size = 10, .type_id = 20, .type_version = 30, .flags = 40};
  return shoal_root_set(heap, name, &root);
}

static shoal_off get(const char *name) {
  shoal_root root = {.off = UINT64_MAX};
  return shoal_root_get(heap, name, &root) == SHOAL_OK ? root.off : UINT64_MAX;
}

static uint64_t count_roots(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats.roots;
}

static void a_root_comes_back_as_it_was_set(void) {
  shoal_root root;
  EXPECT_OK(set("catalogue", 4096));
  EXPECT_OK(shoal_root_get(heap, "catalogue", &root));
  EXPECT_EQ(4096, root.off);
  EXPECT_EQ(10, root.size);
  EXPECT_EQ(20, root.type_id);
  EXPECT_EQ(30, root.type_version);
  EXPECT_EQ(40, root.flags);
}

static void setting_again_moves_the_offset_only(void) {
  EXPECT_OK(set("a", 16));
  EXPECT_OK(set("a", 32));
  EXPECT_EQ(32, get("a"));
  EXPECT_EQ(1, count_roots());
  for (unsigned field = 0; field < 4; field++) {
    shoal_root root = {.off = 64, .size = 10, .type_id = 20, .type_version = 30, .flags = 40};
    if (field == 0) root.size++;
    if (field == 1) root.type_id++;
    if (field == 2) root.type_version++;
    if (field == 3) root.flags++;
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_set(heap, "a", &root));
  }
  EXPECT_EQ(32, get("a"));
}

static void a_removed_root_is_gone_and_can_be_made_anew(void) {
  EXPECT_OK(set("a", 16));
  EXPECT_OK(shoal_root_remove(heap, "a"));
  EXPECT_EQ(UINT64_MAX, get("a"));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_remove(heap, "a"));
  shoal_root other = {.off = 48, .type_id = 99};
  EXPECT_OK(shoal_root_set(heap, "a", &other));
  EXPECT_EQ(48, get("a"));
}

static void names_have_1_to_63_bytes(void) {
  char longest[65];
  shoal_root root = {.off = 16};
  memset(longest, 'x', sizeof longest);
  longest[63] = '\0';
  EXPECT_OK(set(longest, 16));
  EXPECT_EQ(16, get(longest));
  longest[62] = '\0';
  EXPECT_EQ(UINT64_MAX, get(longest));
  memset(longest, 'x', sizeof longest);
  longest[64] = '\0';
  const char *const wrong[] = {"", longest, NULL};
  for (unsigned i = 0; i < 3; i++) {
    EXPECT_STATUS(SHOAL_E_NAME, shoal_root_set(heap, wrong[i], &root));
    EXPECT_STATUS(SHOAL_E_NAME, shoal_root_get(heap, wrong[i], &root));
    EXPECT_STATUS(SHOAL_E_NAME, shoal_root_remove(heap, wrong[i]));
  }
}

static void nulls_are_arguments(void) {
  shoal_root root = {.off = 16};
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_set(NULL, "a", &root));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_set(heap, "a", NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_get(NULL, "a", &root));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_get(heap, "a", NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_remove(NULL, "a"));
}

static const char *name_of(unsigned i, char name[16]) {
  (void)snprintf(name, 16, "root-%u", i);
  return name;
}

static void a_full_table_says_so_and_takes_removed_records_again(void) {
  char name[16];
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < ROOTS; i++) EXPECT_OK(set(name_of(round * ROOTS + i, name), i + 1));
    EXPECT_STATUS(SHOAL_E_LIMIT, set("one more", 16));
    EXPECT(strstr(shoal_status_text(SHOAL_E_LIMIT), "max_roots (8)") != NULL);
    EXPECT_OK(shoal_check(heap, NULL, NULL));
    for (unsigned i = 0; i < ROOTS; i++) EXPECT_EQ(i + 1, get(name_of(round * ROOTS + i, name)));
    EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_remove(heap, "one more"));
    for (unsigned i = 0; i < ROOTS; i++) {
      EXPECT_OK(shoal_root_remove(heap, name_of(round * ROOTS + i, name)));
    }
    EXPECT_EQ(0, count_roots());
  }
}

// A slot that belongs to a process which the test declares dead, or alive but not moving.
static uint32_t take_other_slot(uint32_t process) {
  uint32_t id = (uint32_t)shl_load_relaxed_u64(&heap->words->slot_high_water) + 1;
  struct shl_owner_word word = {.state = SHL_OWNER_OWNED, .process = process, .generation = 1};
  shl_store_release_u64(&shl_owner_row(heap, id)->word, shl_owner_encode(word));
  shl_store_release_u64(&heap->words->slot_high_water, id);
  return id;
}

static void let_other_slot_go(uint32_t id) {
  struct shl_owner_word word = {.state = SHL_OWNER_ORPHAN, .generation = 2};
  shl_journal_clear(shl_slot_page(heap, id));
  shl_store_release_u64(&shl_owner_row(heap, id)->word, shl_owner_encode(word));
}

static uint32_t index_of(const char *name) {
  uint64_t words[SHL_ROOT_WORDS];
  struct shl_root_copy copy;
  EXPECT(shl_root_name(name, words));
  return shl_root_find(heap, shl_root_hash(words), words, &copy);
}

// Leaves record `index` as slot `id` does that dies in it.
static void hold(uint32_t index, uint32_t id) {
  shl_a64 *version = &heap->roots[index].version;
  struct shl_root_version held = shl_root_decode(shl_load_relaxed_u64(version));
  held.busy = true;
  held.slot = id;
  shl_journal_set(shl_slot_page(heap, id), SHL_J_ROOT, index, 0);
  shl_store_release_u64(version, shl_root_encode(held));
}

// The states that a creator leaves, up to the commit: nothing stored, fields, name and hash.
static void leave_creation(const char *name, uint32_t id, unsigned steps) {
  uint64_t words[SHL_ROOT_WORDS];
  EXPECT(shl_root_name(name, words));
  uint32_t index = (uint32_t)(shl_root_hash(words) % ROOTS);
  hold(index, id);
  if (steps > 0) shl_store_release_u64(&heap->roots[index].size, 77);
  for (unsigned w = 0; steps > 1 && w < SHL_ROOT_WORDS; w++) {
    shl_store_release_u64(&heap->root_names[index].bytes[w], words[w]);
  }
  if (steps > 2) shl_store_release_u64(&heap->roots[index].name_hash, shl_root_hash(words));
}

static void a_dead_creators_record_is_taken_over(void) {
  for (unsigned steps = 0; steps <= 3; steps++) {
    uint32_t id = take_other_slot(DEAD_PROCESS);
    leave_creation("a", id, steps);
    EXPECT_EQ(UINT64_MAX, get("a"));
    EXPECT_OK(set("a", 16 + steps));
    EXPECT_EQ(16 + steps, get("a"));
    EXPECT_EQ(1, count_roots());
    for (uint32_t i = 0; i < ROOTS; i++) shl_root_recover(heap, i, id);
    let_other_slot_go(id);
    EXPECT_EQ(16 + steps, get("a"));
    EXPECT_OK(shoal_check(heap, NULL, NULL));
    EXPECT_OK(shoal_root_remove(heap, "a"));
  }
}

static void recovery_empties_what_was_not_committed(void) {
  for (unsigned steps = 0; steps <= 3; steps++) {
    uint32_t id = take_other_slot(DEAD_PROCESS);
    leave_creation("a", id, steps);
    for (uint32_t i = 0; i < ROOTS; i++) shl_root_recover(heap, i, id);
    let_other_slot_go(id);
    EXPECT_EQ(0, count_roots());
    EXPECT_OK(shoal_check(heap, NULL, NULL));
  }
}

static void recovery_keeps_a_root_that_was_being_moved(void) {
  EXPECT_OK(set("a", 16));
  uint32_t id = take_other_slot(DEAD_PROCESS);
  uint32_t index = index_of("a");
  hold(index, id);
  EXPECT_EQ(16, get("a"));
  shl_store_release_u64(&heap->roots[index].off, 32);
  EXPECT_EQ(32, get("a"));
  shl_root_recover(heap, index, id);
  let_other_slot_go(id);
  EXPECT_EQ(32, get("a"));
  EXPECT_OK(set("a", 48));
  EXPECT_EQ(48, get("a"));
}

static void recovery_finishes_a_removal(void) {
  EXPECT_OK(set("a", 16));
  uint32_t id = take_other_slot(DEAD_PROCESS);
  uint32_t index = index_of("a");
  hold(index, id);
  shl_store_release_u64(&heap->roots[index].check, 0);
  EXPECT_EQ(UINT64_MAX, get("a"));
  shl_root_recover(heap, index, id);
  shl_root_recover(heap, index, id);
  let_other_slot_go(id);
  EXPECT_EQ(UINT64_MAX, get("a"));
  EXPECT_OK(set("a", 32));
}

static void recovery_leaves_other_slots_records_alone(void) {
  EXPECT_OK(set("a", 16));
  uint64_t version = shl_load_relaxed_u64(&heap->roots[index_of("a")].version);
  shl_root_recover(heap, index_of("a"), 1);
  shl_root_recover(heap, ROOTS, 1);
  shl_root_recover(heap, UINT32_MAX, 1);
  EXPECT_EQ(version, shl_load_relaxed_u64(&heap->roots[index_of("a")].version));
}

// A stopped process is not dead: it is waited for, and nothing is taken from it. Readers do not
// wait.
static void a_stopped_holder_makes_writers_busy_and_readers_not(void) {
  EXPECT_OK(set("a", 16));
  uint32_t id = take_other_slot(STOPPED_PROCESS);
  uint32_t index = index_of("a");
  hold(index, id);
  EXPECT_EQ(16, get("a"));
  EXPECT_STATUS(SHOAL_E_BUSY, set("a", 32));
  EXPECT_STATUS(SHOAL_E_BUSY, shoal_root_remove(heap, "a"));
  EXPECT_EQ(16, get("a"));
  EXPECT_OK(set("b", 64));
  EXPECT_EQ(64, get("b"));
  shl_root_recover(heap, index, id);
  let_other_slot_go(id);
}

// What a thread of a race reports. Private to the process.
struct racer {
  unsigned number;
  unsigned rounds;
  unsigned wrong;
};

static char race_names[RACE_NAMES][16];

// Names whose probes begin at the same record.
static void choose_race_names(void) {
  unsigned found = 0;
  for (unsigned i = 0; found < RACE_NAMES; i++) {
    uint64_t words[SHL_ROOT_WORDS];
    (void)shl_root_name(name_of(i, race_names[found]), words);
    if (shl_root_hash(words) % ROOTS == 0) found++;
  }
}

static bool stands(uint32_t index, const uint64_t words[SHL_ROOT_WORDS], uint64_t check) {
  struct shl_root_copy copy;
  if (!shl_root_copy(heap, index, &copy) || (check != 0 && copy.check != check)) return false;
  return memcmp(copy.name, words, sizeof copy.name) == 0;
}

// Whether two records held the name at one moment: the first stood, unchanged, before and after the
// second was seen.
static bool is_double(const char *name) {
  uint64_t words[SHL_ROOT_WORDS];
  (void)shl_root_name(name, words);
  for (uint32_t i = 0; i < ROOTS; i++) {
    uint64_t check = shl_load_acquire_u64(&heap->roots[i].check);
    for (uint32_t k = i + 1; k < ROOTS && stands(i, words, check); k++) {
      if (stands(k, words, 0) && stands(i, words, check)) return true;
    }
  }
  return false;
}

// Sets and removes names whose records lie together; reads must never be a mixture.
static void *race(void *argument) {
  struct racer *racer = argument;
  uint64_t random = 88172645463325252U + racer->number;
  for (unsigned i = 0; i < racer->rounds; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint64_t mark = random >> 32;
    shoal_root root = {.off = 16, .size = mark, .type_id = ~mark, .flags = (uint32_t)mark};
    const char *which = race_names[random % RACE_NAMES];
    shoal_status status = random / RACE_NAMES % 2 == 0 ? shoal_root_set(heap, which, &root)
                                                       : shoal_root_remove(heap, which);
    bool expected = status == SHOAL_OK || status == SHOAL_E_ARGUMENT || status == SHOAL_E_NOT_FOUND;
    if (!expected || is_double(which)) racer->wrong++;
    status = shoal_root_get(heap, which, &root);
    bool whole = root.size == ~root.type_id && root.flags == (uint32_t)root.size;
    if (status == SHOAL_OK && !whole) racer->wrong++;
  }
  return NULL;
}

static void racing_creators_leave_one_root_a_name(void) {
  pthread_t threads[THREADS];
  struct racer racers[THREADS];
  choose_race_names();
  for (unsigned i = 0; i < THREADS; i++) {
    racers[i] = (struct racer){.number = i, .rounds = (unsigned)test_rounds(300000)};
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, race, &racers[i]));
  }
  for (unsigned i = 0; i < THREADS; i++) {
    EXPECT_EQ(0, pthread_join(threads[i], NULL));
    EXPECT_EQ(0, racers[i].wrong);
  }
  uint64_t found = 0;
  for (unsigned i = 0; i < RACE_NAMES; i++) found += get(race_names[i]) != UINT64_MAX ? 1 : 0;
  EXPECT_EQ(found, count_roots());
}

SUITE(root, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(a_root_comes_back_as_it_was_set),
      TEST(setting_again_moves_the_offset_only), TEST(a_removed_root_is_gone_and_can_be_made_anew),
      TEST(names_have_1_to_63_bytes), TEST(nulls_are_arguments),
      TEST(a_full_table_says_so_and_takes_removed_records_again),
      TEST(a_dead_creators_record_is_taken_over), TEST(recovery_empties_what_was_not_committed),
      TEST(recovery_keeps_a_root_that_was_being_moved), TEST(recovery_finishes_a_removal),
      TEST(recovery_leaves_other_slots_records_alone),
      TEST(a_stopped_holder_makes_writers_busy_and_readers_not),
      TEST(racing_creators_leave_one_root_a_name))
