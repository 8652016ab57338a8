// SPDX-License-Identifier: MIT
// Goal: whatever instruction a thread dies at while it allocates, publishes or claims a tagged
// block, the block is free, or has its tag, or is where it was to be published.
// Method: each call is cut after every instruction, the tag's word part of each state; each state
// is recovered and checked, and each recovery cut in the same way.
#include <shoal/exact.h>
#include <shoal/orphans.h>

#include "alloc/drain.h"
#include "alloc/grant.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "alloc/tag.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"

enum { SMALL = 50, WIDE = 6000, RUN = 50000, LONGER = 90000, HUGE = 5 << 20 };

#define OP(name) (1U << SHL_J_##name)

static shoal_off alloc_tagged(struct scene *scene, size_t size) {
  shoal_off off = shoal_alloc(scene->heap, size, SHOAL_TAGGED);
  EXPECT_NE(0, off);
  return off;
}

// Where the tag will stand of the next block of that size; no tag is there yet.
static void foretell(struct scene *scene, size_t size) {
  shoal_off off = alloc_tagged(scene, size);
  scene->tag = stand_tag_of(scene->heap, off);
  EXPECT_OK(shoal_free_offset(scene->heap, off));
  *scene->tag = 0;
}

static void prepare_pop(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  (void)alloc_tagged(scene, SMALL);
  foretell(scene, SMALL);
}

static void release_slab(struct scene *scene) {
  uint64_t off = shl_region_offset(scene->heap, scene->tag);
  EXPECT(shl_slab_examine(scene->victim, (uint32_t)(off >> SHL_UNIT_SHIFT), false));
}

static void prepare_new_slab(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  foretell(scene, SMALL);
  release_slab(scene);
}

// The first slab on the list has no free block.
static void prepare_used_up(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  shoal_off first = alloc_tagged(scene, WIDE);
  for (unsigned i = 1; i < blocks; i++) (void)alloc_tagged(scene, WIDE);
  foretell(scene, WIDE);
  uint32_t unit = (uint32_t)(shl_region_offset(scene->heap, scene->tag) >> SHL_UNIT_SHIFT);
  while (shl_desc_back(shl_load_relaxed_u64(shl_unit_desc(scene->heap, unit))) != 0) unit--;
  EXPECT(shl_slab_examine(scene->victim, unit, false));
  EXPECT_OK(shoal_free_offset(scene->heap, first));
  (void)alloc_tagged(scene, WIDE);
}

static void prepare_run(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  foretell(scene, RUN);
}

static void prepare_here(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
}

static void alloc_small(struct scene *scene) {
  (void)alloc_tagged(scene, SMALL);
}

static void alloc_wide(struct scene *scene) {
  (void)alloc_tagged(scene, WIDE);
}

static void alloc_run(struct scene *scene) {
  (void)alloc_tagged(scene, RUN);
}

static void alloc_huge(struct scene *scene) {
  (void)alloc_tagged(scene, HUGE);
}

static const struct step alloc_steps[] = {
    {"alloc, pop", prepare_pop, alloc_small, NULL, 1, false},
    {"alloc, new slab", prepare_new_slab, alloc_small, NULL, OP(CHUNK) | OP(NEWSLAB), false},
    {"alloc, list used up", prepare_used_up, alloc_wide, NULL, OP(UNLINK) | OP(NEWSLAB), false},
    {"alloc, run", prepare_run, alloc_run, NULL, OP(CHUNK) | OP(RUN), false},
    {"alloc, huge", prepare_here, alloc_huge, NULL, OP(HUGE), true},
};

// The scene's block, tagged.
static void prepare_block(struct scene *scene, size_t size) {
  scene->victim = stand_here(scene->heap);
  scene->off = alloc_tagged(scene, size);
  scene->tag = stand_tag_of(scene->heap, scene->off);
}

static void prepare_small(struct scene *scene) {
  prepare_block(scene, SMALL);
}

static void prepare_run_block(struct scene *scene) {
  prepare_block(scene, RUN);
}

static void prepare_huge_block(struct scene *scene) {
  prepare_block(scene, HUGE);
}

// Of a slab without free blocks.
static void prepare_full(struct scene *scene) {
  prepare_block(scene, WIDE);
  for (unsigned i = 0; i < shl_classes[shl_class_of(WIDE)].blocks; i++) alloc_wide(scene);
}

// The only block of a slab that is not its list's only one.
static void prepare_last(struct scene *scene) {
  prepare_block(scene, WIDE);
  shoal_off offs[64];
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  for (unsigned i = 1; i < blocks; i++) offs[i] = alloc_tagged(scene, WIDE);
  alloc_wide(scene);
  for (unsigned i = 1; i < blocks; i++) EXPECT_OK(shoal_free_offset(scene->heap, offs[i]));
}

static void prepare_others(struct scene *scene) {
  struct shl_wish wish = {
      .bytes = WIDE, .alignment = 16, .flags = SHOAL_TAGGED, .tag = shl_tag_here(scene->heap)};
  scene->victim = stand_here(scene->heap);
  EXPECT_OK(shl_grant_in(scene->other, &wish, &scene->off));
}

static void free_block(struct scene *scene) {
  EXPECT_OK(shoal_free_offset(scene->heap, scene->off));
}

static void others_collect(struct scene *scene) {
  shl_drain(scene->other);
}

static const struct step free_steps[] = {
    {"free, own", prepare_small, free_block, NULL, 1, false},
    {"free, of a full slab", prepare_full, free_block, NULL, OP(RELIST), false},
    {"free, last of its slab", prepare_last, free_block, NULL, OP(CHUNK) | OP(FREESLAB), false},
    {"free, another's", prepare_others, free_block, NULL, OP(HINT), false},
    {"free, another's, who collects", prepare_others, free_block, others_collect, OP(HINT), false},
    {"free, run", prepare_run_block, free_block, NULL, OP(CHUNK), false},
    {"free, huge", prepare_huge_block, free_block, NULL, OP(HFREE1) | OP(HFREE2), true},
};

static void with_word(struct scene *scene) {
  scene->word = shoal_calloc(scene->heap, 1, sizeof *scene->word);
}

static void prepare_publish(struct scene *scene) {
  prepare_small(scene);
  with_word(scene);
}

static void prepare_publish_run(struct scene *scene) {
  prepare_run_block(scene);
  with_word(scene);
}

static void prepare_publish_huge(struct scene *scene) {
  prepare_huge_block(scene);
  with_word(scene);
}

static void untag(struct scene *scene) {
  EXPECT_OK(shoal_untag(scene->heap, scene->off));
}

static void publish(struct scene *scene) {
  EXPECT_OK(shoal_publish(scene->heap, scene->word, scene->off));
}

static const struct step publish_steps[] = {
    {"untag", prepare_small, untag, NULL, 1, false},
    {"untag, run", prepare_run_block, untag, NULL, 1, false},
    {"untag, huge", prepare_huge_block, untag, NULL, 1, true},
    {"publish", prepare_publish, publish, NULL, 1, false},
    {"publish, run", prepare_publish_run, publish, NULL, 1, false},
    {"publish, huge", prepare_publish_huge, publish, NULL, 1, true},
};

// Says that a process which is dead has tagged the block.
static void orphan_block(struct scene *scene) {
  *scene->tag = shl_tag_encode(STAND_DEAD, 1);
}

static void prepare_orphan(struct scene *scene) {
  prepare_small(scene);
  orphan_block(scene);
}

static void prepare_orphan_run(struct scene *scene) {
  prepare_run_block(scene);
  orphan_block(scene);
}

static void prepare_orphan_huge(struct scene *scene) {
  prepare_huge_block(scene);
  orphan_block(scene);
}

static int keep_it(void *context, const shoal_orphan *orphan) {
  (void)context;
  (void)orphan;
  return SHOAL_ORPHAN_KEEP;
}

static int adopt_it(void *context, const shoal_orphan *orphan) {
  (void)context;
  (void)orphan;
  return SHOAL_ORPHAN_ADOPT;
}

static int free_it(void *context, const shoal_orphan *orphan) {
  (void)context;
  (void)orphan;
  return SHOAL_ORPHAN_FREE;
}

static void keep(struct scene *scene) {
  EXPECT_OK(shoal_orphans(scene->heap, keep_it, NULL));
}

static void adopt(struct scene *scene) {
  EXPECT_OK(shoal_orphans(scene->heap, adopt_it, NULL));
}

static void free_orphans(struct scene *scene) {
  EXPECT_OK(shoal_orphans(scene->heap, free_it, NULL));
}

static const struct step orphan_steps[] = {
    {"keep", prepare_orphan, keep, NULL, OP(CHUNK), false},
    {"adopt", prepare_orphan, adopt, NULL, OP(CHUNK), false},
    {"adopt, run", prepare_orphan_run, adopt, NULL, OP(CHUNK), false},
    {"adopt, huge", prepare_orphan_huge, adopt, NULL, 1, true},
    {"free", prepare_orphan, free_orphans, NULL, OP(CHUNK), false},
    {"free, run", prepare_orphan_run, free_orphans, NULL, OP(CHUNK), false},
    {"free, huge", prepare_orphan_huge, free_orphans, NULL, OP(HFREE1) | OP(HFREE2), true},
};

static void expect_each(const struct step *steps, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!death_anywhere_in(&steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void what_is_allocated_is_tagged(void) {
  expect_each(alloc_steps, sizeof alloc_steps / sizeof alloc_steps[0]);
}

static void what_is_free_is_nobodys(void) {
  expect_each(free_steps, sizeof free_steps / sizeof free_steps[0]);
}

static void what_is_published_is_not_tagged(void) {
  expect_each(publish_steps, sizeof publish_steps / sizeof publish_steps[0]);
}

static void what_a_claimer_leaves_is_tagged_or_free(void) {
  expect_each(orphan_steps, sizeof orphan_steps / sizeof orphan_steps[0]);
}

// The first zero page of a dead thread's run must not keep its tag.
static void see_zero_pages_without_tags(const struct cut *cut, uint32_t chunk, unsigned page) {
  const struct shl_run_rec *run = shl_run_page(cut->heap, chunk);
  unsigned zero_seen = 0;
  for (size_t i = 0; i < cut->count; i++) {
    cut_restore(cut, i);
    bool zero = (shl_load_relaxed_u64(&run->zero[page / 64]) >> page % 64 & 1) != 0;
    if (zero) EXPECT_EQ(0, *cut->words[0]);
    zero_seen += zero ? 1 : 0;
  }
  EXPECT_LT(0, zero_seen);
}

static void run_alloc(void *context) {
  alloc_run(context);
}

static void an_untouched_page_has_no_tag(void) {
  struct scene scene = {.heap = stand_open_tiny()};
  struct cut cut;
  prepare_run(&scene);
  uint64_t off = shl_region_offset(scene.heap, scene.tag);
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  unsigned page = (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  shl_a64 *zero = &shl_run_page(scene.heap, chunk)->zero[page / 64];
  shl_store_release_u64(zero, shl_load_relaxed_u64(zero) | UINT64_C(1) << page % 64);
  uint64_t *const words[CUT_WORDS] = {scene.tag, NULL};
  bool stepped = cut_run(scene.heap, words, run_alloc, &scene, &cut);
  if (stepped) cut_count(&cut);
  if (stepped) see_zero_pages_without_tags(&cut, chunk, page);
  if (stepped) cut_restore(&cut, cut.count - 1);
  if (stepped) cut_free(&cut);
  stand_close(scene.heap);
  if (!stepped) SKIP("this machine does not stop at each instruction");
}

static size_t wanted;

static void resize(void *context) {
  struct scene *scene = context;
  void *ptr = shoal_ptr(scene->heap, scene->off);
  EXPECT(shoal_realloc(scene->heap, ptr, wanted) == ptr);
}

// A run of `from` bytes becomes one of `to`; its tag stands at whichever end it has.
static bool resizes_with_its_tag(size_t from, size_t to) {
  struct scene scene = {.heap = stand_open_tiny()};
  prepare_block(&scene, from);
  wanted = to;
  resize(&scene);
  uint64_t *const words[CUT_WORDS] = {scene.tag, stand_tag_of(scene.heap, scene.off)};
  wanted = from;
  resize(&scene);
  uint64_t tag = *words[0];
  EXPECT_EQ(shl_tag_here(scene.heap), tag);
  *words[1] = 0;
  wanted = to;
  struct cut cut;
  bool stepped = cut_run(scene.heap, words, resize, &scene, &cut);
  for (size_t i = 0; stepped && i < cut.count; i++) {
    cut_restore(&cut, i);
    stand_die(scene.victim);
    EXPECT_EQ(tag, *stand_tag_of(scene.heap, scene.off));
    EXPECT(stand_is_clean(scene.heap));
  }
  if (stepped) cut_count(&cut);
  if (stepped) cut_free(&cut);
  stand_give(scene.victim, 0);
  stand_close(scene.heap);
  return stepped;
}

static void a_tag_stays_with_a_run_that_is_resized(void) {
  bool stepped = resizes_with_its_tag(RUN, LONGER) && resizes_with_its_tag(LONGER, RUN);
  if (!stepped) SKIP("this machine does not stop at each instruction");
}

SUITE(tag_cut, TEST(what_is_allocated_is_tagged), TEST(what_is_free_is_nobodys),
      TEST(what_is_published_is_not_tagged), TEST(what_a_claimer_leaves_is_tagged_or_free),
      TEST(an_untouched_page_has_no_tag), TEST(a_tag_stays_with_a_run_that_is_resized))
