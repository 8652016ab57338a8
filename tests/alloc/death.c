// SPDX-License-Identifier: MIT
#include "tests/alloc/death.h"

#include <string.h>

#include "alloc/slot.h"
#include "tests/harness/harness.h"

enum { STRIDE_MOST = 4 };

static void run_step(void *context) {
  struct scene *scene = ((void **)context)[0];
  const struct step *step = ((void **)context)[1];
  step->run(scene);
}

static void recover_victim(void *context) {
  struct scene *scene = context;
  (void)shl_slot_recover(scene->heap, shl_seat_id(scene->victim));
}

// The blocks allocated before and after the step: what is left of it must be one of the two.
struct verdict {
  uint64_t before;
  uint64_t after;
};

static void keep_report(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

static bool is_recovered(struct scene *scene, const struct step *step, struct verdict verdict,
                         const char *when) {
  const char *finding = "clean";
  if (!cut_is_new(scene->seen, scene->heap)) return true;
  bool clean = shoal_check(scene->heap, keep_report, &finding) == SHOAL_OK;
  uint64_t live = stand_live(scene->heap);
  bool whole = live == verdict.before || live == verdict.after;
  uint64_t journal = stand_journal(scene->victim);
  unsigned state = shl_owner_read(scene->heap, shl_seat_id(scene->victim)).state;
  if (clean && whole && journal == 0 && state != SHL_OWNER_OWNED) return true;
  FAIL("%s, %s: %s, %llu blocks (%llu, %llu), J 0x%llx, state %u", step->name, when, finding,
       (unsigned long long)live, (unsigned long long)verdict.before,
       (unsigned long long)verdict.after, (unsigned long long)journal, state);
  return false;
}

// Recovers the victim, cut after each instruction; each state is the dead recoverer's, and
// recovered again.
static bool can_cut_recovery(struct scene *scene, const struct step *step,
                             struct verdict verdict) {
  struct cut cut;
  if (!cut_run(scene->heap, recover_victim, scene, &cut)) return false;
  bool right = is_recovered(scene, step, verdict, "recovered");
  for (size_t i = scene->turn++ % scene->stride; i + 1 < cut.count && right; i += scene->stride) {
    cut_restore(&cut, i);
    stand_give(scene->victim, STAND_DEAD);
    if (!cut_is_new(scene->seen, scene->heap)) continue;
    recover_victim(scene);
    right = is_recovered(scene, step, verdict, "recovered after a cut recovery");
    if (!right) FAIL("state %zu of %zu", i, cut.count);
  }
  cut_free(&cut);
  return right;
}

static bool can_recover(struct scene *scene, const struct step *step, struct verdict verdict,
                        size_t index) {
  stand_give(scene->victim, STAND_DEAD);
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
  struct verdict verdict = {.before = stand_live(scene.heap)};
  void *context[] = {&scene, (void *)(uintptr_t)step};
  struct cut cut;
  if (!cut_run(scene.heap, run_step, context, &cut)) {
    stand_close(scene.heap);
    return false;
  }
  verdict.after = stand_live(scene.heap);
  bool right = true;
  for (size_t i = 0; i < cut.count && right; i++) {
    cut_restore(&cut, i);
    scene.ops |= 1U << op_of(&scene);
    right = can_recover(&scene, step, verdict, i);
    if (!right) FAIL("%s: cut state %zu of %zu", step->name, i, cut.count);
  }
  if (right && (scene.ops & step->ops) != step->ops) FAIL("%s: ops 0x%x", step->name, scene.ops);
  cut_restore(&cut, 0);
  cut_free(&cut);
  stand_close(scene.heap);
  return true;
}
