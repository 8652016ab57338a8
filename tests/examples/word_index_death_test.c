// SPDX-License-Identifier: MIT
// Goal: a worker of the word index that dies anywhere leaves what the next one finishes, so that
// each file counts once and no block is lost. Method: a worker is single-stepped through one part
// of its work and killed in each state of what it works on: once after the first change of it, once
// after the second, and so on. The first who takes over is killed as well, in a state drawn at
// random, the second is not. Then the index is compared with what the files hold, and taken apart.
#define _GNU_SOURCE
#include <shoal/shoal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "examples/word_index/batch.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/hits.h"
#include "examples/word_index/take_apart.h"
#include "examples/word_index/text.h"
#include "examples/word_index/word_map.h"
#include "examples/word_index/work.h"
#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"
#include "tests/random/draw.h"

enum { FILES = 3, WATCHED_BYTES = 64, BUCKETS = 1024, HEIR_CHANGES = 40, STRIDE_MAX = 8 };

#define TO_THE_END UINT64_MAX

// Lines of the one word in each file: the largest is taken first. The first group fills a block of
// its own, the second needs a larger one, the third has room.
static const unsigned lines[FILES] = {14, 12, 1};

// A part of a worker's work. Private to the process.
struct part {
  void (*prepare)(const struct index *index, const struct worker *worker);
  void (*run)(const struct index *index, const struct worker *worker);
};

// In the worker that is stepped through.
static struct {
  const struct index *index;
  struct desk_rec *desk;
  uint64_t sum;
  uint64_t changes;
  uint64_t last;  // the change that is its end
} watch;

static char heap_name[TEST_NAME_BYTES];
static struct draw draws;

// `bytes` are whole words.
static uint64_t add_bytes(uint64_t sum, const void *bytes, size_t count) {
  const volatile uint64_t *words = bytes;
  for (size_t i = 0; i < count / sizeof *words; i++) {
    sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
    sum ^= sum >> 29;
  }
  return sum;
}

static uint64_t add_block(uint64_t sum, shoal_off off) {
  const void *block = shoal_ptr(watch.index->heap, off);
  return block == NULL ? sum : add_bytes(sum, block, WATCHED_BYTES);
}

static uint64_t add_list(uint64_t sum) {
  const shoal_off *first = shoal_ptr(watch.index->heap, watch.index->rec->map.segments[0]);
  for (shoal_off off = *first; off != 0;) {
    const struct entry_rec *entry = shoal_ptr(watch.index->heap, off);
    off = atomic_load_explicit(&entry->next, memory_order_relaxed);
    sum = add_bytes(sum, &off, sizeof off);
  }
  return sum;
}

// What a worker works on: index, files, desk, list, and the blocks that the desk names.
static uint64_t sum_of_state(void) {
  uint64_t sum = add_bytes(1, watch.index->rec, sizeof *watch.index->rec);
  sum = add_bytes(sum, file_at(watch.index, 0), FILES * sizeof(struct file_rec));
  sum = add_bytes(sum, watch.desk, sizeof *watch.desk);
  sum = add_list(sum);
  sum = add_block(sum, watch.desk->batch);
  sum = add_block(sum, watch.desk->fresh);
  shoal_off off = atomic_load_explicit(&watch.desk->word, memory_order_relaxed);
  sum = add_block(sum, off);
  if (off == 0) return sum;
  const struct word_rec *word = shoal_ptr(watch.index->heap, off);
  return add_block(sum, word->hits);
}

static void look(int signal_number) {
  (void)signal_number;
  uint64_t sum = sum_of_state();
  if (sum == watch.sum) return;
  watch.sum = sum;
  if (watch.changes++ == watch.last) (void)kill(getpid(), SIGKILL);
}

// The processor's trap flag: each instruction ends in SIGTRAP. Past the red zone, which may hold a
// leaf function's variables.
static void step_on(void) {
  __asm__ volatile(
      "lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

static void step_off(void) {
  __asm__ volatile(
      "lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

static bool can_step(void) {
  return getenv("SHOAL_TEST_NO_STEPS") == NULL;
}

static void run_until(const struct part *part, const struct index *index,
                      const struct worker *worker, uint64_t last) {
  struct sigaction action = {.sa_handler = look};
  if (last == TO_THE_END) {
    part->run(index, worker);
    return;
  }
  watch.index = index;
  watch.desk = worker->desk;
  watch.sum = sum_of_state();
  watch.changes = 0;
  watch.last = last;
  (void)sigaction(SIGTRAP, &action, NULL);
  step_on();
  part->run(index, worker);
  step_off();
}

// A process that works at the desk: killed at the change after `last`, or at the end by itself.
_Noreturn static void live(const struct part *part, uint64_t last) {
  struct index index;
  if (!index_open(&index, heap_name, INDEX_WRITE)) _exit(3);
  const struct worker worker = {index.heap, desk_at(&index, 1), 1};
  if (part->prepare != NULL) part->prepare(&index, &worker);
  run_until(part, &index, &worker, last);
  _exit(0);
}

// returns: whether it died in its work; fails the test where it ended otherwise.
static bool play(const struct part *part, uint64_t last) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) live(part, last);
  EXPECT_EQ(child, waitpid(child, &status, 0));
  bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT(died || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
  return died;
}

static const char *path_to(unsigned file, char path[FOLDER_PATH_BYTES]) {
  const char name[] = {(char)('0' + file), '\0'};
  return folder_path(path, name);
}

static void make_index(void) {
  struct index index;
  ASSERT(index_create(&index, heap_name));
  struct file_list list = {.heap = index.heap};
  for (unsigned i = 0; i < FILES; i++) {
    char path[FOLDER_PATH_BYTES];
    EXPECT(file_list_add(&list, path_to(i, path), lines[i]));
  }
  EXPECT(file_list_publish(&list, &index) && index_add_desks(&index, 1));
  // As in an index that has grown: bucket 844 of the word needs a segment, and others before it.
  atomic_store_explicit(&index.rec->map.buckets, BUCKETS, memory_order_relaxed);
  index_close(&index);
}

static void read_file(const struct index *index, uint64_t number, struct tally *tally) {
  int error = 0;
  EXPECT_EQ(TEXT_READ, text_read(file_path(index, file_at(index, number)), tally, &error));
}

static void take(const struct index *index, const struct worker *worker) {
  uint64_t number = 0;
  (void)file_take(index, worker, &number);
}

// What the worker holds in private, ready before it is stepped through.
static struct tally tally;

static void take_and_read(const struct index *index, const struct worker *worker) {
  take(index, worker);
  read_file(index, atomic_load_explicit(&worker->desk->file, memory_order_relaxed) - 1, &tally);
}

static void count(const struct index *index, const struct worker *worker) {
  uint64_t file = atomic_load_explicit(&worker->desk->file, memory_order_relaxed);
  if (!batch_make(index->heap, worker->desk, &tally)) _exit(4);
  atomic_store_explicit(&worker->desk->counted, file, memory_order_release);
}

static void take_read_and_count(const struct index *index, const struct worker *worker) {
  take_and_read(index, worker);
  count(index, worker);
}

static void merge(const struct index *index, const struct worker *worker) {
  if (!work_on_batch(index, worker)) _exit(5);
}

static void merge_second(const struct index *index, const struct worker *worker) {
  take_read_and_count(index, worker);
  merge(index, worker);
  tally_clear(&tally);
  take_read_and_count(index, worker);
}

static void merge_third(const struct index *index, const struct worker *worker) {
  merge_second(index, worker);
  merge(index, worker);
  tally_clear(&tally);
  take_read_and_count(index, worker);
}

static void work(const struct index *index, const struct worker *worker) {
  if (!work_at_desk(index, worker)) _exit(6);
}

static void reap(const struct index *index, const struct worker *worker) {
  (void)worker;
  if (shoal_reap(index->heap) != SHOAL_OK) _exit(7);
}

static void inherit(const struct index *index, const struct worker *worker) {
  if (!work_inherit(index, worker, &tally)) _exit(8);
}

static const struct part first_heir = {reap, inherit};
static const struct part last_heir = {NULL, work};

static void expect_hits(const struct index *index) {
  static const char text[] = "desk";
  char folded[sizeof text];
  struct word_key key;
  memcpy(folded, text, sizeof text);
  ASSERT(word_key_fold(folded, &key));
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  const struct word_rec *word = word_map_find(&map, &key);
  ASSERT(word != NULL);
  EXPECT_EQ(lines[0] + lines[1] + lines[2],
            atomic_load_explicit(&word->total, memory_order_relaxed));
  EXPECT_EQ(0, atomic_load_explicit(&word->holder, memory_order_relaxed));
  unsigned met[FILES] = {0};
  struct hits_cursor cursor = hits_of_word(index->heap, word);
  for (struct file_hits hits; hits_next(&cursor, &hits);) {
    ASSERT(hits.file < FILES);
    met[hits.file]++;
    EXPECT_EQ(lines[hits.file], hits.total);
    EXPECT_EQ(lines[hits.file], hits.line_count);
  }
  for (unsigned i = 0; i < FILES; i++) EXPECT_EQ(1, met[i]);
}

static void expect_whole_index(void) {
  struct index index;
  shoal_heap_stats stats = {.size = sizeof stats};
  ASSERT(index_open(&index, heap_name, INDEX_WRITE));
  for (unsigned i = 0; i < FILES; i++) {
    EXPECT_EQ(FILE_INDEXED, file_state(file_at(&index, i)));
    EXPECT_EQ(lines[i], file_at(&index, i)->words);
  }
  expect_hits(&index);
  const struct word_map map = {index.heap, &index.rec->map, NULL};
  word_map_recount(&map);
  EXPECT_EQ(1, atomic_load_explicit(&index.rec->map.words, memory_order_relaxed));
  EXPECT_OK(shoal_check(index.heap, NULL, NULL));
  EXPECT_OK(shoal_stats(index.heap, &stats));
  EXPECT_EQ(stats.live_blocks, take_apart(&index));
  EXPECT_OK(shoal_stats(index.heap, &stats));
  EXPECT_EQ(0, stats.live_blocks);
  index_close(&index);
}

// Dies in every state of the part, or every few in slow builds, and in one of what the first heir
// does.
static void die_anywhere_in(const struct part *part, uint64_t changes_min) {
  bool died = true;
  uint64_t deaths = 0;
  uint64_t stride = STRIDE_MAX / test_rounds(STRIDE_MAX);
  if (!can_step()) SKIP("needs the trap flag to itself");
  for (uint64_t last = 0; died && !test_has_failed(); last += stride) {
    make_index();
    died = play(part, last);
    deaths += died;
    deaths += play(&first_heir, draw_below(&draws, HEIR_CHANGES));
    EXPECT(!play(&last_heir, TO_THE_END));
    expect_whole_index();
    EXPECT_OK(shoal_unlink(heap_name));
  }
  EXPECT_LE(changes_min / stride, deaths);
  test_count("worker_deaths", deaths);
}

static void a_file_is_taken_once(void) {
  die_anywhere_in(&(const struct part){NULL, take}, 3);
}

static void a_file_is_counted_once(void) {
  die_anywhere_in(&(const struct part){take_and_read, count}, 5);
}

static void a_new_word_comes_in_once(void) {
  die_anywhere_in(&(const struct part){take_read_and_count, merge}, 30);
}

static void hits_that_move_count_once(void) {
  die_anywhere_in(&(const struct part){merge_second, merge}, 12);
}

static void hits_that_have_room_count_once(void) {
  die_anywhere_in(&(const struct part){merge_third, merge}, 12);
}

static void set_up(void) {
  (void)test_unique_name(heap_name);
  folder_make();
  for (unsigned i = 0; i < FILES; i++) {
    char path[FOLDER_PATH_BYTES];
    FILE *file = fopen(path_to(i, path), "w");
    ASSERT(file != NULL);
    for (unsigned line = 0; line < lines[i]; line++) (void)fputs("Desk\n", file);
    (void)fclose(file);
  }
}

SUITE(word_index_death, SET_UP(set_up), TEAR_DOWN(folder_remove), TEST(a_file_is_taken_once),
      TEST(a_file_is_counted_once), TEST(a_new_word_comes_in_once),
      TEST(hits_that_move_count_once), TEST(hits_that_have_room_count_once))
