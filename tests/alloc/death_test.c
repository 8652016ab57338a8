// SPDX-License-Identifier: MIT
// Goal: the engine that cuts steps sees each way in which a heap can be another than before the
// step and than after it, though as many blocks be allocated.
// Method: what the living do meanwhile is not told, so that it counts as the step's; a process of
// its own plays the step, and its failure is the engine's success.
#include <stdlib.h>

#include <shoal/root.h>

#include "alloc/run.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { BYTES = 1024, RUN_PAGES = 3 };

// Blocks of the other's; `off` is a run.
static void prepare(struct scene *scene) {
  const struct shl_run_request request = {.pages = RUN_PAGES, .align_pages = 1};
  shoal_root root = {.off = 0, .type_id = 7};
  (void)stand_alloc(scene->victim, BYTES);
  (void)stand_alloc(scene->other, BYTES);
  EXPECT_OK(shl_run_alloc(scene->other, request, false, &scene->off));
  EXPECT_OK(shoal_root_set(scene->heap, "kept", &root));
}

static void take_block(struct scene *scene) {
  (void)stand_alloc(scene->victim, BYTES);
}

static void do_nothing(struct scene *scene) {
  (void)scene;
}

static uint32_t chunk_of(const struct scene *scene) {
  return (uint32_t)(scene->off >> SHL_CHUNK_SHIFT);
}

static unsigned page_of(const struct scene *scene) {
  return (unsigned)(scene->off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
}

static void shrink_run(struct scene *scene) {
  EXPECT(shl_run_resize(scene->other, chunk_of(scene), page_of(scene), RUN_PAGES - 1));
}

// One block for another of the same size.
static void move_block(struct scene *scene) {
  const struct shl_run_request request = {.pages = RUN_PAGES, .align_pages = 1};
  uint64_t off;
  EXPECT_OK(shl_run_alloc(scene->other, request, false, &off));
  EXPECT(stand_free_run(scene->other, scene->off));
}

static void take_another(struct scene *scene) {
  (void)stand_alloc(scene->other, BYTES);
}

static void move_root(struct scene *scene) {
  shoal_root root = {.off = scene->off, .type_id = 7};
  EXPECT_OK(shoal_root_set(scene->heap, "kept", &root));
}

static void pin_block(struct scene *scene) {
  shoal_pin_id pin;
  EXPECT_OK(shoal_pin(scene->heap, scene->off, 1, &pin));
}

static const struct step steps[] = {
    {.name = "nothing is wrong", .meanwhile = do_nothing},
    {.name = "a block of another size", .meanwhile = shrink_run},
    {.name = "a block elsewhere", .meanwhile = move_block},
    {.name = "one block more", .meanwhile = take_another},
    {.name = "a root that names another block", .meanwhile = move_root},
    {.name = "a pin", .meanwhile = pin_block},
};

enum { NOTHING_WRONG, OTHER_SIZE, ELSEWHERE, ONE_MORE, OTHER_ROOT, PINNED };

// argv: which.
static void play(int argc, char **argv) {
  EXPECT_EQ(1, argc);
  struct step step = steps[strtoul(argv[0], NULL, 10) % (sizeof steps / sizeof steps[0])];
  step.prepare = prepare;
  step.run = take_block;
  (void)death_anywhere_in(&step);
}

static bool fails(unsigned index) {
  const char number[] = {(char)('0' + (int)index), '\0'};
  struct test_child child = {.captures_errors = true};
  if (!test_spawn(&child, "play", (const char *const[]){number, NULL})) return false;
  return test_child_wait(&child) == 1;
}

static bool can_step(void) {
  struct step step = {.name = "a step", .prepare = prepare, .run = take_block};
  return death_anywhere_in(&step);
}

static void the_engine_sees_what_only_sizes_and_places_tell(void) {
  if (!can_step()) SKIP("this machine does not stop at each instruction");
  EXPECT(fails(OTHER_SIZE));
  EXPECT(fails(ELSEWHERE));
  EXPECT(fails(ONE_MORE));
}

static void the_engine_sees_roots_and_pins(void) {
  if (!can_step()) SKIP("this machine does not stop at each instruction");
  EXPECT(fails(OTHER_ROOT));
  EXPECT(fails(PINNED));
}

static void the_engine_finds_nothing_where_nothing_is_wrong(void) {
  EXPECT(!fails(NOTHING_WRONG));
}

SUITE(death, TEST(the_engine_sees_what_only_sizes_and_places_tell),
      TEST(the_engine_sees_roots_and_pins), TEST(the_engine_finds_nothing_where_nothing_is_wrong),
      ROLE(play))
