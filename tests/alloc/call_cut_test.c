// SPDX-License-Identifier: MIT
// Goal: whatever instruction a thread dies at in a call of the interface, for blocks of any kind
// and in any state of the heap, recovery leaves what there was before the call or what there is
// after it.
// Method: calls times openings times sizes, each cut after every instruction, and each recovery.
// The commit tier plays a few of them, nightly all for some sizes, release all for many.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/exact.h>
#include <shoal/root.h>

#include "alloc/class.h"
#include "alloc/grant.h"
#include "alloc/hand.h"
#include "alloc/run.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"
#include "tests/harness/tier.h"

enum { ALIGNMENT = 8192, NAME_BYTES = 96, COMMIT_STRIDE = 23, SWEPT_MOST = 60000 };

static size_t bytes;  // a block's
static bool may_fail;  // for want of memory

static bool in_slab(void) {
  return bytes <= SHL_CLASS_MAX_BYTES;
}

static shoal_off take(struct scene *scene) {
  shoal_off off = shoal_alloc(scene->heap, bytes, 0);
  EXPECT_NE(0, off);
  return off;
}

static void expect_done(shoal_status status) {
  if (may_fail && status == SHOAL_E_FULL) return;
  EXPECT_OK(status);
}

static uint64_t hand_of(const struct scene *scene) {
  return shl_load_relaxed_u64(&scene->victim.slot->hands[shl_class_of(bytes)].blocks);
}

// The openings.

static void leave_empty(struct scene *scene) {
  (void)scene;
}

static void fill_hand(struct scene *scene) {
  (void)take(scene);
}

static void empty_hand(struct scene *scene) {
  do {
    (void)take(scene);
  } while (hand_of(scene) != 0);
}

static bool is_full(const struct scene *scene, uint32_t unit) {
  return shl_load_relaxed_u8(&shl_hot_row(scene->heap, unit)->state) == SHL_SLAB_FULL;
}

// A slab of the victim's that has no free block and is on no list. returns: a block of it.
static shoal_off fill_slab(struct scene *scene) {
  shoal_off off = take(scene);
  uint32_t unit = stand_bit_of(scene->heap, off).unit;
  while (!is_full(scene, unit)) (void)take(scene);
  return off;
}

static void leave_full(struct scene *scene) {
  (void)fill_slab(scene);
}

static void leave_one_free(struct scene *scene) {
  EXPECT_OK(shoal_free_offset(scene->heap, fill_slab(scene)));
}

static void leave_pending(struct scene *scene) {
  stand_free(scene->other, fill_slab(scene));
  empty_hand(scene);
}

// All pages are in use; the hand is empty.
static void leave_no_room(struct scene *scene) {
  const struct shl_run_request page = {.pages = 1, .align_pages = 1};
  uint64_t off;
  if (in_slab()) empty_hand(scene);
  while (shl_run_alloc(scene->other, page, false, &off) == SHOAL_OK) continue;
  may_fail = true;
}

// The next change of the owner word but one starts at 0 again.
static void wrap_generation(struct scene *scene) {
  uint32_t id = shl_seat_id(scene->victim);
  struct shl_owner_word word = shl_owner_read(scene->heap, id);
  word.generation = 0xfffffe;
  shl_store_release_u64(&shl_owner_row(scene->heap, id)->word, shl_owner_encode(word));
}

// An orphan with free blocks, and some that wait; it dies with whoever acts as it.
static void leave_orphan(struct scene *scene) {
  const struct shl_wish wish = {.bytes = bytes, .alignment = 16};
  shoal_off off;
  scene->second = stand_other(scene->heap, 0);
  EXPECT_OK(shl_grant_in(scene->second, &wish, &off));
  if (in_slab()) (void)stand_alloc(scene->second, bytes);
  if (in_slab()) stand_free(scene->other, off);
  shl_slot_let_go(scene->second);
}

struct opening {
  const char *name;
  void (*set)(struct scene *scene);
  bool of_slabs;
};

static const struct opening openings[] = {
    {"empty", leave_empty, false},       {"hand full", fill_hand, true},
    {"hand empty", empty_hand, true},    {"full", leave_full, true},
    {"one free", leave_one_free, true},  {"remote pending", leave_pending, true},
    {"no room", leave_no_room, false},   {"generation before its wrap", wrap_generation, false},
    {"an orphan", leave_orphan, false},
};

// The calls.

static void with_nothing(struct scene *scene) {
  (void)scene;
}

static void with_block(struct scene *scene) {
  scene->off = take(scene);
}

// Which a realloc that moves may leave beside the new one.
static void with_block_to_move(struct scene *scene) {
  with_block(scene);
  tally_add(&scene->may_stay, scene->heap, scene->off);
}

static void with_others_block(struct scene *scene) {
  const struct shl_wish wish = {.bytes = bytes, .alignment = 16};
  EXPECT_OK(shl_grant_in(scene->other, &wish, &scene->off));
}

static void with_word(struct scene *scene) {
  *scene->word = take(scene);
}

static void with_reservation(struct scene *scene) {
  EXPECT_OK(shoal_reserve(scene->heap, bytes, 0, &scene->off));
}

static void alloc(struct scene *scene) {
  shoal_off off = shoal_alloc(scene->heap, bytes, 0);
  EXPECT(may_fail || off != 0);
}

static void alloc_zeroed(struct scene *scene) {
  EXPECT(shoal_calloc(scene->heap, 1, bytes) != NULL || may_fail);
}

static void alloc_aligned(struct scene *scene) {
  EXPECT(shoal_aligned_alloc(scene->heap, ALIGNMENT, bytes) != NULL || may_fail);
}

static void free_block(struct scene *scene) {
  EXPECT_OK(shoal_free_offset(scene->heap, scene->off));
}

static void realloc_block(struct scene *scene) {
  void *block = shoal_ptr(scene->heap, scene->off);
  EXPECT(shoal_realloc(scene->heap, block, bytes + bytes / 2) != NULL || may_fail);
}

static void alloc_to(struct scene *scene) {
  expect_done(shoal_alloc_to(scene->heap, scene->word, bytes, 0));
}

static void free_from(struct scene *scene) {
  EXPECT_OK(shoal_free_from(scene->heap, scene->word));
}

static void realloc_to(struct scene *scene) {
  expect_done(shoal_realloc_to(scene->heap, scene->word, bytes + bytes / 2));
}

static void reserve(struct scene *scene) {
  expect_done(shoal_reserve(scene->heap, bytes, 0, &scene->off));
}

static void publish(struct scene *scene) {
  EXPECT_OK(shoal_publish(scene->heap, scene->word, scene->off));
}

static void cancel(struct scene *scene) {
  EXPECT_OK(shoal_cancel(scene->heap, scene->off));
}

static void trim(struct scene *scene) {
  EXPECT_OK(shoal_trim(scene->heap, SHOAL_TRIM_ALL));
}

static void set_root(struct scene *scene) {
  shoal_root root = {.off = scene->off, .size = bytes, .type_id = 7};
  EXPECT_OK(shoal_root_set(scene->heap, "a root", &root));
}

static void pin_block(struct scene *scene) {
  shoal_pin_id pin;
  EXPECT_OK(shoal_pin(scene->heap, scene->off, bytes, &pin));
}

struct call {
  const char *name;
  void (*set)(struct scene *scene);
  void (*play)(struct scene *scene);
  bool sweeps;  // over the block: a step for each of its bytes
};

static const struct call calls[] = {
    {"alloc", with_nothing, alloc, false},
    {"alloc, zeroed", with_nothing, alloc_zeroed, true},
    {"alloc, aligned", with_nothing, alloc_aligned, false},
    {"free", with_block, free_block, false},
    {"free of another's", with_others_block, free_block, false},
    {"realloc", with_block_to_move, realloc_block, true},
    {"alloc_to", with_nothing, alloc_to, false},
    {"free_from", with_word, free_from, false},
    {"realloc_to", with_word, realloc_to, true},
    {"reserve", with_nothing, reserve, false},
    {"publish", with_reservation, publish, false},
    {"cancel", with_reservation, cancel, false},
    {"trim", with_block, trim, false},
    {"set a root", with_block, set_root, false},
    {"pin", with_block, pin_block, false},
};

enum {
  CALLS = sizeof calls / sizeof calls[0],
  OPENINGS = sizeof openings / sizeof openings[0]
};

static const struct call *call;
static const struct opening *opening;

// What the call needs stands before the heap is brought into its state.
static void prepare(struct scene *scene) {
  may_fail = false;
  scene->victim = stand_here(scene->heap);
  scene->word = shoal_calloc(scene->heap, 1, sizeof *scene->word);
  call->set(scene);
  opening->set(scene);
}

static void play(struct scene *scene) {
  call->play(scene);
}

static bool is_wanted(const char *name) {
  const char *only = getenv("SHOAL_CRASH_ONLY");
  return only == NULL || strcmp(only, name) == 0;
}

static const char *tier_name(void) {
  static const char *const names[] = {"commit", "nightly", "release"};
  return names[tier_of_run()];
}

// returns: false iff this machine does not step.
static bool cut_one(void) {
  char name[NAME_BYTES];
  bool was_well = !test_has_failed();
  (void)snprintf(name, sizeof name, "%s, %s, %zu bytes", call->name, opening->name, bytes);
  struct step step = {
      .name = name, .prepare = prepare, .run = play, .many_chunks = bytes > SHL_CHUNK_BYTES / 2};
  if (!is_wanted(name)) return true;
  if (!death_anywhere_in(&step)) return false;
  if (was_well && test_has_failed()) {
    FAIL("again: bazel test //tests/alloc:call_cut_test --test_env=SHOAL_CRASH_TIER=%s "
         "--test_env=SHOAL_CRASH_ONLY='%s'", tier_name(), name);
  }
  return true;
}

static bool cut_each(void) {
  size_t stride = tier_of_run() == TIER_COMMIT ? COMMIT_STRIDE : 1;
  for (size_t i = bytes / 16 % stride; i < (size_t)CALLS * OPENINGS; i += stride) {
    call = &calls[i % CALLS];
    opening = &openings[i / CALLS];
    if ((opening->of_slabs && !in_slab()) || (call->sweeps && bytes > SWEPT_MOST)) continue;
    if (!cut_one()) return false;
  }
  return true;
}

static void cut_sizes(const size_t *sizes, const enum tier *tiers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (tiers[i] > tier_of_run()) continue;
    bytes = sizes[i];
    if (!cut_each()) SKIP("this machine does not stop at each instruction");
  }
}

static void calls_on_blocks_of_slabs_can_be_cut_anywhere(void) {
  static const size_t sizes[] = {200, 6000, 1024, 16, 64, 3072, 16384, 32768};
  static const enum tier tiers[] = {TIER_COMMIT,  TIER_NIGHTLY, TIER_NIGHTLY, TIER_RELEASE,
                                    TIER_RELEASE, TIER_RELEASE, TIER_RELEASE, TIER_RELEASE};
  cut_sizes(sizes, tiers, sizeof sizes / sizeof sizes[0]);
}

static void calls_on_runs_can_be_cut_anywhere(void) {
  static const size_t sizes[] = {50000, 400000};
  static const enum tier tiers[] = {TIER_COMMIT, TIER_RELEASE};
  cut_sizes(sizes, tiers, sizeof sizes / sizeof sizes[0]);
}

static void calls_on_whole_chunks_can_be_cut_anywhere(void) {
  static const size_t sizes[] = {3 << 20, 2 << 20};
  static const enum tier tiers[] = {TIER_COMMIT, TIER_RELEASE};
  cut_sizes(sizes, tiers, sizeof sizes / sizeof sizes[0]);
}

SUITE(call_cut, TEST(calls_on_blocks_of_slabs_can_be_cut_anywhere),
      TEST(calls_on_runs_can_be_cut_anywhere), TEST(calls_on_whole_chunks_can_be_cut_anywhere))
