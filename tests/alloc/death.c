// SPDX-License-Identifier: MIT
#include "tests/alloc/death.h"

#include <string.h>

#include "alloc/census.h"
#include "alloc/pin.h"
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

// The victim's process dies as a whole, and its pins with it.
static void kill_pins(shoal_heap *heap) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    struct shl_pin_op op = shl_pin_decode(shl_load_acquire_u64(&heap->pins[i].op));
    if (op.state == SHL_PIN_FREE) continue;
    op.process = STAND_DEAD;
    shl_store_release_u64(&heap->pins[i].op, shl_pin_encode(op));
  }
}

// Says that the victim is dead, in each slot that it has not given back.
static void kill_victim(struct scene *scene) {
  kill_pins(scene->heap);
  const struct shl_seat slots[] = {scene->victim, scene->second};
  for (size_t i = 0; i < 2; i++) {
    if (slots[i].slot == NULL) continue;
    uint32_t id = shl_seat_id(slots[i]);
    bool owned = shl_owner_read(scene->heap, id).state == SHL_OWNER_OWNED;
    if (owned || i == 0) stand_give(slots[i], STAND_DEAD);
  }
}

// Before and after the step: what is left of it must be one of the two.
struct verdict {
  struct result before;
  struct result after;
};

static void add_reserved(struct tally *tally, struct shl_seat seat) {
  for (unsigned i = 0; seat.slot != NULL && i < SHL_RESERVATIONS; i++) {
    uint64_t off = shl_load_relaxed_u64(&seat.slot->reservations[i]);
    if (off != 0) tally_add(tally, seat.heap, off);
  }
}

// Without the blocks that the victim has reserved, which its death frees, and those that the living
// took meanwhile.
static bool read_result(const struct scene *scene, struct result *out) {
  struct tally others = scene->extra;
  add_reserved(&others, scene->victim);
  add_reserved(&others, scene->second);
  return result_read(scene->heap, &others, scene->word, out);
}

static bool word_names_block(const struct scene *scene) {
  shoal_off off = scene->word != NULL ? *scene->word : 0;
  shoal_block block;
  return off == 0 || (shl_block_find(scene->heap, off, &block) && block.off == off);
}

static void keep_report(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

// The same metadata mean another thing where the living have taken more.
static bool is_new(const struct scene *scene) {
  uint64_t rest = result_stir(1, scene->word != NULL ? *scene->word : 0);
  rest = result_stir(rest, scene->tag != NULL ? *scene->tag : 0);
  rest = result_stir(rest, scene->extra.sum);
  return cut_is_new(scene->seen, scene->heap, &rest);
}

// Its journal is empty and it is nobody's.
static bool is_left(const struct scene *scene, struct shl_seat seat) {
  if (seat.slot == NULL) return true;
  unsigned state = shl_owner_read(scene->heap, shl_seat_id(seat)).state;
  return stand_journal(seat) == 0 && state != SHL_OWNER_OWNED;
}

static void tell_difference(const struct result *is, struct verdict verdict) {
  for (unsigned i = 0; i < RESULT_PARTS; i++) {
    uint64_t before = verdict.before.part[i], after = verdict.after.part[i];
    if (is->part[i] == before && is->part[i] == after) continue;
    FAIL("%s: 0x%llx; before the step 0x%llx, after it 0x%llx", result_names[i],
         (unsigned long long)is->part[i], (unsigned long long)before, (unsigned long long)after);
  }
}

// Before the step, after it or, of a plain realloc that moved its block, after it with both.
static bool is_whole(const struct scene *scene, struct result is, const struct verdict *verdict) {
  if (result_is(&is, &verdict->before) || result_is(&is, &verdict->after)) return true;
  result_less(&is, &scene->may_stay);
  return scene->may_stay.blocks != 0 && result_is(&is, &verdict->after);
}

static bool is_recovered(struct scene *scene, const struct step *step, struct verdict verdict,
                         const char *when) {
  const char *finding = "clean";
  struct result is;
  if (!is_new(scene)) return true;
  bool clean = shoal_check(scene->heap, keep_report, &finding) == SHOAL_OK;
  bool adds_up = read_result(scene, &is);
  bool whole = is_whole(scene, is, &verdict);
  bool left = is_left(scene, scene->victim) && is_left(scene, scene->second);
  if (clean && adds_up && whole && left && word_names_block(scene)) return true;
  unsigned state = shl_owner_read(scene->heap, shl_seat_id(scene->victim)).state;
  FAIL("%s, %s: %s, the sums %s, J 0x%llx, state %u", step->name, when, finding,
       adds_up ? "add up" : "do not add up", (unsigned long long)stand_journal(scene->victim),
       state);
  tell_difference(&is, verdict);
  return false;
}

// `extra`: what the living took before the state that is looked at.
static void let_others_work(struct scene *scene, const struct step *step, struct tally extra) {
  scene->extra = extra;
  if (step->meanwhile != NULL) step->meanwhile(scene);
}

// Recovers the victim, cut after each instruction; each state is the dead recoverer's, and
// recovered again.
static bool can_cut_recovery(struct scene *scene, const struct step *step,
                             struct verdict verdict) {
  struct cut cut;
  struct tally extra = scene->extra;
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
  let_others_work(scene, step, (struct tally){.blocks = 0});
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
  struct verdict verdict;
  EXPECT(read_result(&scene, &verdict.before));
  void *context[] = {&scene, (void *)(uintptr_t)step};
  struct cut cut;
  shoal_off *const words[CUT_WORDS] = {scene.word, scene.tag};
  if (!cut_run(scene.heap, words, run_step, context, &cut)) {
    stand_close(scene.heap);
    return false;
  }
  EXPECT(read_result(&scene, &verdict.after));
  bool right = true;
  for (size_t i = 0; i < cut.count && right; i++) {
    cut_restore(&cut, i);
    scene.ops |= 1U << op_of(&scene);
    right = can_recover(&scene, step, verdict, i);
    if (!right) FAIL("%s: cut state %zu of %zu", step->name, i, cut.count);
  }
  cut_count(&cut);
  test_count("instructions", scene.recoveries.instructions);
  test_count("deaths_in_recovery", scene.recoveries.count);
  if (right && (scene.ops & step->ops) != step->ops) FAIL("%s: ops 0x%x", step->name, scene.ops);
  cut_restore(&cut, 0);
  cut_free(&cut);
  stand_close(scene.heap);
  return true;
}
