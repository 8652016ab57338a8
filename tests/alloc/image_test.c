// SPDX-License-Identifier: MIT
// Goal: recovery is a function of what stands in the region and of who is dead, of nothing else: a
// copy of the file that the dead have left, recovered by another process or at another address,
// becomes the same bytes, and recovering it again changes nothing.
// Method: a process kills itself after every so manieth instruction of its calls, or stands still
// there; its file is copied, and each copy opened by itself. What may differ is named, and no more:
// who opened it (process id, its start and its thread's) and when a chunk became free.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/slot.h"
#include "mapping/process.h"
#include "tests/alloc/cut.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/harness/tier.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 12 << 20, WORDS = 8, NUMBER_BYTES = 24, KILLS_LEAST = 8, STOPPED_AT = 7500 };

static const size_t strides[] = {[TIER_COMMIT] = 2999, [TIER_NIGHTLY] = 151, [TIER_RELEASE] = 31};

static shoal_heap *open_file(const char *path, unsigned flags, uint32_t processes) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_FILE,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = processes,
                           .max_threads = 4,
                           .max_roots = 16,
                           .max_pins = 16};
  EXPECT_OK(shoal_open(path, &options, &heap));
  return heap;
}

// The one that dies.

static shoal_heap *victim;
static shoal_off *words;
static shoal_off reserved;
static shoal_off tagged;

static void prepare_words(void) {
  shoal_root root = {.off = shoal_alloc(victim, WORDS * sizeof *words, SHOAL_ZERO)};
  EXPECT_OK(shoal_root_set(victim, "words", &root));
  words = shoal_ptr(victim, root.off);
  EXPECT_OK(shoal_alloc_to(victim, &words[0], 6000, 0));
  EXPECT_OK(shoal_alloc_to(victim, &words[1], 3 << 20, 0));
  EXPECT_OK(shoal_reserve(victim, 200, 0, &reserved));
  tagged = shoal_alloc(victim, 100, SHOAL_TAGGED);
}

static void work(void *unused) {
  shoal_pin_id pin;
  (void)unused;
  EXPECT_OK(shoal_alloc_to(victim, &words[2], 64, 0));
  EXPECT_OK(shoal_alloc_to(victim, &words[3], 50000, 0));
  EXPECT_OK(shoal_alloc_to(victim, &words[4], 2 << 20, 0));
  EXPECT_OK(shoal_realloc_to(victim, &words[3], 90000));
  EXPECT_OK(shoal_publish(victim, &words[5], reserved));
  EXPECT_OK(shoal_publish(victim, &words[6], tagged));
  EXPECT_OK(shoal_pin(victim, words[3], 1, &pin));
  EXPECT_OK(shoal_free_from(victim, &words[0]));
  EXPECT_OK(shoal_free_from(victim, &words[1]));
  EXPECT_OK(shoal_free_from(victim, &words[3]));
  EXPECT_OK(shoal_unpin(victim, pin));
  EXPECT_OK(shoal_root_remove(victim, "words"));
  EXPECT_OK(shoal_trim(victim, SHOAL_TRIM_ALL));
}

static void die(void *unused) {
  (void)unused;
  (void)raise(SIGKILL);
}

static void stand_still(void *unused) {
  (void)unused;
  test_say("stopped");
  test_await("go on");
}

// argv: the file, how many processes it has room for, after how many instructions.
static void begin(char **argv) {
  victim = open_file(argv[0], SHOAL_CREATE, (uint32_t)strtoul(argv[1], NULL, 10));
  if (victim == NULL) exit(2);
  prepare_words();
}

static void be_killed(int argc, char **argv) {
  if (argc != 3) exit(3);
  begin(argv);
  (void)cut_stop(work, die, NULL, strtoul(argv[2], NULL, 10));
  EXPECT_OK(shoal_close(victim));
}

static void stop(int argc, char **argv) {
  if (argc != 3) exit(3);
  begin(argv);
  (void)cut_stop(work, stand_still, NULL, strtoul(argv[2], NULL, 10));
  EXPECT_OK(shoal_check(victim, NULL, NULL));
  EXPECT_OK(shoal_close(victim));
}

// argv: a file, which is recovered by being opened.
static void recover(int argc, char **argv) {
  if (argc != 1) exit(3);
  shoal_heap *heap = open_file(argv[0], 0, 0);
  if (heap == NULL) exit(2);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

// Files, as bytes.

static char path[FOLDER_PATH_BYTES], copy[FOLDER_PATH_BYTES], moved[FOLDER_PATH_BYTES];

struct image {
  char *bytes;
  struct shl_superblock_rec header;
};

static struct image read_image(const char *from) {
  struct image image = {.bytes = malloc(CAPACITY)};
  EXPECT(image.bytes != NULL && folder_read(from, image.bytes, CAPACITY));
  if (image.bytes != NULL) memcpy(&image.header, image.bytes, sizeof image.header);
  return image;
}

static void *area(const struct image *image, uint32_t kind) {
  return image->bytes + shl_superblock_area(&image->header, kind)->offset;
}

static struct shl_owner_rec *owner(const struct image *image, uint32_t slot) {
  return (struct shl_owner_rec *)area(image, SHL_AREA_OWNER) + slot;
}

static struct shl_slot_rec *slot_page(const struct image *image, uint32_t slot) {
  return (struct shl_slot_rec *)area(image, SHL_AREA_SLOT) + slot;
}

static bool is_owned(const struct image *image, uint32_t slot) {
  uint64_t word = shl_load_relaxed_u64(&owner(image, slot)->word);
  return shl_owner_decode(word).state == SHL_OWNER_OWNED;
}

static unsigned count_owned(const struct image *image) {
  unsigned count = 0;
  for (uint32_t i = 0; i < image->header.max_slots; i++) count += is_owned(image, i) ? 1 : 0;
  return count;
}

// Whether some slot is in the middle of a step or a call with a word.
static bool is_unsettled(const struct image *image) {
  uint64_t rest = 0;
  for (uint32_t i = 0; i < image->header.max_slots; i++) {
    rest |= shl_load_relaxed_u64(&slot_page(image, i)->journal);
    rest |= shl_load_relaxed_u64(&slot_page(image, i)->record.op);
  }
  return rest != 0;
}

// What tells who opened the file, and when.
static void forget_opener(const struct image *image) {
  struct shl_process_rec *processes = area(image, SHL_AREA_PROCESS);
  for (uint32_t i = 0; i < image->header.max_processes; i++) {
    shl_store_relaxed_u64(&processes[i].pid, 0);
    shl_store_relaxed_u64(&processes[i].start_time, 0);
  }
  for (uint32_t i = 0; i < image->header.max_slots; i++) {
    shl_store_relaxed_u64(&owner(image, i)->thread_start, 0);
  }
  struct shl_chunk_rec *chunks = area(image, SHL_AREA_CHUNK);
  uint64_t data = image->header.capacity - image->header.data_offset;
  for (uint64_t i = 0; i < data / SHL_CHUNK_BYTES; i++) {
    shl_store_relaxed_u32(&chunks[i].free_since, 0);
  }
}

// How often it was opened: generations grow.
static void forget_openings(const struct image *image) {
  struct shl_process_rec *processes = area(image, SHL_AREA_PROCESS);
  for (uint32_t i = 0; i < image->header.max_processes; i++) {
    shl_store_relaxed_u64(&processes[i].word, shl_load_relaxed_u64(&processes[i].word) & 0xff);
  }
  for (uint32_t i = 0; i < image->header.max_slots; i++) {
    struct shl_owner_word word = shl_owner_decode(shl_load_relaxed_u64(&owner(image, i)->word));
    word.generation = 0;
    shl_store_relaxed_u64(&owner(image, i)->word, shl_owner_encode(word));
  }
}

static void expect_same(const struct image *a, const struct image *b, const char *which) {
  if (memcmp(a->bytes, b->bytes, CAPACITY) == 0) return;
  size_t at = 0;
  while (a->bytes[at] == b->bytes[at]) at++;
  FAIL("%s differs at 0x%zx: 0x%x and 0x%x", which, at, a->bytes[at] & 0xff, b->bytes[at] & 0xff);
}

static void recover_by_another(const char *file) {
  struct test_child child = {.runs = false};
  if (test_spawn(&child, "recover", (const char *const[]){file, NULL})) test_child_finish(&child);
}

// The original here, one copy by another process, one at another address meanwhile.
static void recover_each(void) {
  shoal_heap *heap = open_file(path, 0, 0);
  shoal_heap *elsewhere = open_file(moved, SHOAL_RELOCATABLE, 0);
  ASSERT(heap != NULL && elsewhere != NULL);
  EXPECT(heap->view.base != elsewhere->view.base);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_check(elsewhere, NULL, NULL));
  EXPECT_OK(shoal_close(elsewhere));
  EXPECT_OK(shoal_close(heap));
  recover_by_another(copy);
}

static void expect_same_once_more(struct image *once) {
  recover_by_another(copy);
  struct image twice = read_image(copy);
  forget_opener(&twice);
  forget_openings(&twice);
  forget_openings(once);
  expect_same(once, &twice, "what was recovered twice");
  free(twice.bytes);
}

static void expect_one_outcome(void) {
  recover_each();
  struct image here = read_image(path), there = read_image(copy), apart = read_image(moved);
  EXPECT(!is_unsettled(&here));
  EXPECT_EQ(0, count_owned(&here));
  forget_opener(&here);
  forget_opener(&there);
  forget_opener(&apart);
  expect_same(&here, &there, "what another process recovered");
  expect_same(&here, &apart, "what was recovered elsewhere");
  expect_same_once_more(&there);
  free(here.bytes);
  free(there.bytes);
  free(apart.bytes);
}

static void take_copies(void) {
  EXPECT(folder_copy(path, copy));
  EXPECT(folder_copy(path, moved));
}

static bool start(struct test_child *child, const char *role, size_t instructions,
                  const char *processes) {
  char number[NUMBER_BYTES];
  (void)unlink(path);
  (void)snprintf(number, sizeof number, "%zu", instructions);
  return test_spawn(child, role, (const char *const[]){path, processes, number, NULL});
}

// returns: whether the process was killed there: its calls have that many instructions.
static bool play(size_t at, const char *processes, unsigned *unsettled) {
  struct test_child child = {.runs = false};
  if (!start(&child, "be_killed", at, processes)) return false;
  int result = test_child_wait(&child);
  if (result != -SIGKILL) EXPECT_EQ(0, result);
  if (result != -SIGKILL) return false;
  struct image left = read_image(path);
  EXPECT_LT(0, count_owned(&left));
  *unsettled += is_unsettled(&left) ? 1 : 0;
  free(left.bytes);
  take_copies();
  expect_one_outcome();
  return true;
}

static bool can_step(void) {
  struct test_child child = {.runs = false};
  return getenv("SHOAL_TEST_NO_STEPS") == NULL && start(&child, "be_killed", 1, "1") &&
         test_child_wait(&child) == -SIGKILL;
}

static void make_paths(void) {
  folder_make();
  (void)folder_path(path, "image");
  (void)folder_path(copy, "copy");
  (void)folder_path(moved, "moved");
}

// With room for one process, the reader has the number of the dead one's record.
static void a_copy_of_what_the_dead_left_is_recovered_alike(void) {
  if (!can_step()) SKIP("this machine does not stop at each instruction");
  size_t stride = strides[tier_of_run()];
  unsigned kills = 0, unsettled = 0;
  while (!test_has_failed() && play(1 + kills * stride, kills % 2 == 0 ? "1" : "3", &unsettled)) {
    kills++;
  }
  EXPECT_LT(KILLS_LEAST, kills);
  EXPECT_LT(0, unsettled);
  test_count("images_copied", kills);
}

// Its process lives, and stands still in the middle, but not in the copies.
static void a_copy_of_what_the_living_work_on_is_recovered_alike(void) {
  if (!can_step()) SKIP("this machine does not stop at each instruction");
  struct test_child child = {.runs = false};
  char lives[FOLDER_PATH_BYTES];
  ASSERT(start(&child, "stop", STOPPED_AT, "1"));
  EXPECT(test_child_expect(&child, "stopped"));
  take_copies();
  EXPECT_EQ(0, rename(path, folder_path(lives, "lives")));
  EXPECT(folder_copy(copy, path));
  expect_one_outcome();
  (void)test_child_send(&child, "go on");
  test_child_finish(&child);
}

// In the copy the copier's process has the number of the record that it has in the original, and
// its thread lives; another generation says that the slots there are not its own.
static void who_copies_its_own_heap_is_dead_in_the_copy(void) {
  char room[] = "1";
  char *arguments[] = {path, room};
  begin(arguments);
  take_copies();
  shoal_heap *heap = open_file(moved, SHOAL_RELOCATABLE, 0);
  EXPECT_EQ(victim->region->process, heap->region->process);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
  recover_by_another(copy);
  struct image here = read_image(moved), there = read_image(copy);
  EXPECT_EQ(0, count_owned(&here));
  forget_opener(&here);
  forget_opener(&there);
  expect_same(&here, &there, "what another process recovered");
  free(here.bytes);
  free(there.bytes);
  EXPECT_OK(shoal_cancel(victim, reserved));
  EXPECT_OK(shoal_close(victim));
}

SUITE(image, SET_UP(make_paths), TEAR_DOWN(folder_remove),
      TEST(a_copy_of_what_the_dead_left_is_recovered_alike),
      TEST(a_copy_of_what_the_living_work_on_is_recovered_alike),
      TEST(who_copies_its_own_heap_is_dead_in_the_copy), ROLE(be_killed), ROLE(stop),
      ROLE(recover))
