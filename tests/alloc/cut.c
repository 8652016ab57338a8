// SPDX-License-Identifier: MIT
// Single-stepping by the processor's trap flag: set, every instruction ends in SIGTRAP, whose
// handler runs with the flag off. The step runs in the calling thread, so what it reads and stores
// is what it would without us. System calls are one instruction.
#define _GNU_SOURCE
#include "tests/alloc/cut.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"

enum { STATES_MAX = 1024, TRAP_FLAG = 0x100 };

static struct cut *running;

static const char *metadata(const shoal_heap *heap) {
  return heap->view.base;
}

// A state is the metadata, then the words.
static char *state(const struct cut *cut, size_t index) {
  return cut->states + index * (cut->bytes + sizeof(uint64_t[CUT_WORDS]));
}

static void read_words(const struct cut *cut, uint64_t out[CUT_WORDS]) {
  for (unsigned i = 0; i < CUT_WORDS; i++) out[i] = cut->words[i] != NULL ? *cut->words[i] : 0;
}

static void keep_state(struct cut *cut) {
  if (cut->count == STATES_MAX) return;
  uint64_t words[CUT_WORDS];
  read_words(cut, words);
  memcpy(state(cut, cut->count), metadata(cut->heap), cut->bytes);
  memcpy(state(cut, cut->count) + cut->bytes, words, sizeof words);
  cut->count++;
}

static void look(int signal_number) {
  (void)signal_number;
  running->instructions++;
  if (!cut_is_at(running, running->count - 1)) keep_state(running);
}

// Past the red zone, which may hold a leaf function's variables.
static void trap(bool on) {
  if (on) {
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
            : "memory", "cc");
  } else {
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
            : "memory", "cc");
  }
}

// Not where a runtime of its own would be stepped through, or does the stepping.
static bool can_step(void) {
  return getenv("SHOAL_TEST_NO_STEPS") == NULL;
}

bool cut_run(shoal_heap *heap, uint64_t *const words[CUT_WORDS], void (*step)(void *context),
             void *context, struct cut *out) {
  *out = (struct cut){.heap = heap, .bytes = heap->region->header.metadata_bytes};
  for (unsigned i = 0; i < CUT_WORDS && words != NULL; i++) out->words[i] = words[i];
  if (!can_step()) return false;
  // Address space alone: what is not written takes no memory.
  out->states = malloc(STATES_MAX * (out->bytes + sizeof(uint64_t[CUT_WORDS])));
  if (out->states == NULL) return false;
  keep_state(out);
  struct sigaction action = {.sa_handler = look}, before;
  running = out;
  (void)sigaction(SIGTRAP, &action, &before);
  trap(true);
  step(context);
  trap(false);
  (void)sigaction(SIGTRAP, &before, NULL);
  if (!cut_is_at(out, out->count - 1)) keep_state(out);
  EXPECT_LT(out->count, STATES_MAX);
  if (out->instructions != 0) return true;
  cut_free(out);
  return false;
}

// A stop under way: instructions to go, then what to do.
static size_t steps_left;
static void (*stopped)(void *context);
static void *stopped_context;

// The step goes on without being looked at: the flag that the kernel has saved is taken away.
static void stop(int signal_number, siginfo_t *info, void *saved) {
  (void)signal_number;
  (void)info;
  if (steps_left == 0 || --steps_left != 0) return;
  ucontext_t *context = saved;
  context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
  stopped(stopped_context);
}

bool cut_stop(void (*step)(void *context), void (*meanwhile)(void *context), void *context,
              size_t count) {
  if (!can_step()) return false;
  struct sigaction action = {.sa_sigaction = stop, .sa_flags = SA_SIGINFO}, before;
  steps_left = count;
  stopped = meanwhile;
  stopped_context = context;
  (void)sigaction(SIGTRAP, &action, &before);
  trap(true);
  step(context);
  trap(false);
  (void)sigaction(SIGTRAP, &before, NULL);
  return steps_left == 0;
}

void cut_restore(const struct cut *cut, size_t index) {
  memcpy(cut->heap->view.base, state(cut, index), cut->bytes);
  uint64_t words[CUT_WORDS];
  memcpy(words, state(cut, index) + cut->bytes, sizeof words);
  for (unsigned i = 0; i < CUT_WORDS; i++) {
    if (cut->words[i] != NULL) *cut->words[i] = words[i];
  }
}

bool cut_is_at(const struct cut *cut, size_t index) {
  const char *kept = state(cut, index);
  uint64_t words[CUT_WORDS];
  read_words(cut, words);
  bool same = memcmp(words, kept + cut->bytes, sizeof words) == 0;
  return same && memcmp(metadata(cut->heap), kept, cut->bytes) == 0;
}

static uint64_t stir(uint64_t sum, uint64_t word) {
  sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return sum ^ sum >> 29;
}

static uint64_t sum_of(const shoal_heap *heap, const uint64_t *word) {
  const uint64_t *words = (const uint64_t *)(const void *)metadata(heap);
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < heap->region->header.metadata_bytes / sizeof *words; i++) {
    sum = stir(sum, words[i]);
  }
  if (word != NULL) sum = stir(sum, *word);
  return sum != 0 ? sum : 1;
}

bool cut_is_new(struct cut_seen *seen, const shoal_heap *heap, const uint64_t *word) {
  uint64_t sum = sum_of(heap, word);
  for (size_t i = sum % CUT_SEEN_MAX; i < CUT_SEEN_MAX; i++) {
    if (seen->sums[i] == sum) return false;
    if (seen->sums[i] != 0) continue;
    seen->sums[i] = sum;
    return true;
  }
  return true;
}

void cut_count(const struct cut *cut) {
  test_count("instructions", cut->instructions);
  test_count("images", cut->count);
}

void cut_free(struct cut *cut) {
  free(cut->states);
  *cut = (struct cut){.states = NULL};
}
