// SPDX-License-Identifier: MIT
#include "tests/alloc/death.h"

#include <string.h>

#include "alloc/census.h"
#include "alloc/slot.h"
#include "tests/harness/harness.h"

enum { STRIDE_MOST = 4 };

static void run_step(void *context) {
  struct scene *scene = ((void **)context)[0];
  const struct step *step = ((void **)context)[1];
  step->run(scene);
}

static void recover_slot(struct scene *scene, struct shl_seat seat) {
  if (seat.slot != NULL) (void)shl_slot_recover(scene->heap, shl_seat_id(seat));
}

// The two slots in an order that changes from one recovery to the next.
static void recover_victim(void *context) {
  struct scene *scene = context;
  bool second_first = scene->turn % 2 == 0;
  if (second_first) recover_slot(scene, scene->second);
  recover_slot(scene, scene->victim);
  if (!second_first) recover_slot(scene, scene->second);
}

// Says that the victim is dead, in each slot that it has not given back.
static void kill_victim(struct scene *scene) {
  const struct shl_seat slots[] = {scene->victim, scene->second};
  for (size_t i = 0; i < 2; i++) {
    if (slots[i].slot == NULL) continue;
    uint32_t id = shl_seat_id(slots[i]);
    bool owned = shl_owner_read(scene->heap, id).state == SHL_OWNER_OWNED;
    if (owned || i == 0) stand_give(slots[i], STAND_DEAD);
  }
}

// The blocks allocated, but for those reserved by the victim, whose death frees them, and those
// that the living took meanwhile; those that have a tag; and what the word says.
struct outcome {
  uint64_t live;
  uint64_t tagged;
  shoal_off word;
};

// Before and after the step: what is left of it must be one of the two.
struct verdict {
  struct outcome before;
  struct outcome after;
};

static uint64_t reserved_by(struct shl_seat seat) {
  uint64_t count = 0;
  for (unsigned i = 0; i < SHL_RESERVATIONS; i++) {
    if (shl_load_relaxed_u64(&seat.slot->reservations[i]) != 0) count++;
  }
  return count;
}

static struct outcome outcome_of(const struct scene *scene) {
  uint64_t others = reserved_by(scene->victim) + scene->extra;
  return (struct outcome){.live = stand_live(scene->heap) - others,
                          .tagged = stand_tagged(scene->heap),
                          .word = scene->word != NULL ? *scene->word : 0};
}

// A word that names a block names an allocated one.
static bool is_outcome(const struct scene *scene, struct outcome wanted) {
  struct outcome is = outcome_of(scene);
  shoal_block block;
  bool found = shl_block_find(scene->heap, is.word, &block) && block.off == is.word;
  return (found || is.word == 0) && is.live == wanted.live &&
         is.tagged == wanted.tagged && is.word == wanted.word;
}

static void keep_report(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

// The same metadata mean another thing where the living have taken more.
static bool is_new(const struct scene *scene) {
  uint64_t rest = (scene->word != NULL ? *scene->word : 0) + (scene->extra << 48);
  if (scene->tag != NULL) rest += *scene->tag << 24;
  return cut_is_new(scene->seen, scene->heap, &rest);
}

// Its journal is empty and it is nobody's.
static bool is_left(const struct scene *scene, struct shl_seat seat) {
  if (seat.slot == NULL) return true;
  unsigned state = shl_owner_read(scene->heap, shl_seat_id(seat)).state;
  return stand_journal(seat) == 0 && state != SHL_OWNER_OWNED;
}

static bool is_recovered(struct scene *scene, const struct step *step, struct verdict verdict,
                         const char *when) {
  const char *finding = "clean";
  if (!is_new(scene)) return true;
  bool clean = shoal_check(scene->heap, keep_report, &finding) == SHOAL_OK;
  bool whole = is_outcome(scene, verdict.before) || is_outcome(scene, verdict.after);
  uint64_t journal = stand_journal(scene->victim);
  unsigned state = shl_owner_read(scene->heap, shl_seat_id(scene->victim)).state;
  if (clean && whole && is_left(scene, scene->victim) && is_left(scene, scene->second)) return true;
  struct outcome is = outcome_of(scene);
  FAIL("%s, %s: %s, %llu blocks (%llu, %llu), %llu tagged (%llu, %llu), word 0x%llx (0x%llx, "
       "0x%llx), J 0x%llx, state %u",
       step->name, when, finding, (unsigned long long)is.live,
       (unsigned long long)verdict.before.live, (unsigned long long)verdict.after.live,
       (unsigned long long)is.tagged, (unsigned long long)verdict.before.tagged,
       (unsigned long long)verdict.after.tagged, (unsigned long long)is.word,
       (unsigned long long)verdict.before.word,
       (unsigned long long)verdict.after.word, (unsigned long long)journal, state);
  return false;
}

// `extra`: what the living took before the state that is looked at.
static void let_others_work(struct scene *scene, const struct step *step, uint64_t extra) {
  scene->extra = extra;
  if (step->meanwhile != NULL) step->meanwhile(scene);
}

static void count(const struct cut *cut, const char *images) {
  test_count("instructions", cut->instructions);
  test_count(images, cut->count);
}

// Recovers the victim, cut after each instruction; each state is the dead recoverer's, and
// recovered again.
static bool can_cut_recovery(struct scene *scene, const struct step *step,
                             struct verdict verdict) {
  struct cut cut;
  uint64_t extra = scene->extra;
  shoal_off *const words[CUT_WORDS] = {scene->word, scene->tag};
  if (!cut_run(scene->heap, words, recover_victim, scene, &cut)) return false;
  scene->recoveries.instructions += cut.instructions;
  bool right = is_recovered(scene, step, verdict, "recovered");
  for (size_t i = scene->turn++ % scene->stride; i + 1 < cut.count && right; i += scene->stride) {
    cut_restore(&cut, i);
    kill_victim(scene);
    if (!is_new(scene)) continue;
    let_others_work(scene, step, extra);
    scene->recoveries.count++;
    recover_victim(scene);
    right = is_recovered(scene, step, verdict, "recovered after a cut recovery");
    if (!right) FAIL("state %zu of %zu", i, cut.count);
  }
  cut_free(&cut);
  return right;
}

static bool can_recover(struct scene *scene, const struct step *step, struct verdict verdict,
                        size_t index) {
  kill_victim(scene);
  let_others_work(scene, step, 0);
  if (index % scene->stride == 0) return can_cut_recovery(scene, step, verdict);
  recover_victim(scene);
  return is_recovered(scene, step, verdict, "recovered");
}

static unsigned op_of(const struct scene *scene) {
  return shl_journal_decode(stand_journal(scene->victim)).op;
}

bool death_anywhere_in(const struct step *step) {
  static struct cut_seen seen;
  memset(&seen, 0, sizeof seen);
  struct scene scene = {.heap = step->many_chunks ? stand_open_small() : stand_open_tiny(),
                        .seen = &seen};
  scene.stride = STRIDE_MOST / test_rounds(STRIDE_MOST);
  if (scene.heap == NULL) return true;
  scene.victim = stand_other(scene.heap, 0);
  scene.other = stand_other(scene.heap, STAND_STOPPED);
  step->prepare(&scene);
  struct verdict verdict = {.before = outcome_of(&scene)};
  void *context[] = {&scene, (void *)(uintptr_t)step};
  struct cut cut;
  shoal_off *const words[CUT_WORDS] = {scene.word, scene.tag};
  if (!cut_run(scene.heap, words, run_step, context, &cut)) {
    stand_close(scene.heap);
    return false;
  }
  verdict.after = outcome_of(&scene);
  bool right = true;
  for (size_t i = 0; i < cut.count && right; i++) {
    cut_restore(&cut, i);
    scene.ops |= 1U << op_of(&scene);
    right = can_recover(&scene, step, verdict, i);
    if (!right) FAIL("%s: cut state %zu of %zu", step->name, i, cut.count);
  }
  count(&cut, "images");
  count(&scene.recoveries, "deaths_in_recovery");
  if (right && (scene.ops & step->ops) != step->ops) FAIL("%s: ops 0x%x", step->name, scene.ops);
  cut_restore(&cut, 0);
  cut_free(&cut);
  stand_close(scene.heap);
  return true;
}
