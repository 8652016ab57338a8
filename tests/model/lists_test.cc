// SPDX-License-Identifier: MIT
// Goal: whatever dies between hand, lists and hints, no block is doubled and each free one is found
// again. Method: the model of tests/model/lists_model.h.
#include <cstdio>

#include "tests/model/lists_model.h"

namespace model {

void Lists::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  Thread t{};
  t.op = kAlloc;
  if (actor == 0) Begin(s, actor, t);
  t.op = kGiveBack;
  if (actor == 0 && s.ref != 0) Begin(s, actor, t);
  for (t.slab = 0; t.slab < size_.slabs; t.slab++) {
    if (actor == 0 && size_.releases) IdleSlab(s, t.slab);
    for (t.block = 0; t.block < size_.blocks; t.block++) {
      u8 holder = s.holder[t.slab][t.block];
      t.op = actor == 0 ? kFreeOwn : kFreeOther;
      if (holder == (actor == 0 ? kOwner : kFreer)) Begin(s, actor, t);
      State z = s;
      z.holder[t.slab][t.block] = kFreer;
      if (actor == 0 && holder == kOwner && size_.freer) Put(z);
    }
    t.block = 0;
  }
}

// Releases an empty slab, or makes one where there is none.
void Lists::IdleSlab(const State &s, int index) {
  const Slab &slab = s.slab[index];
  Thread t{};
  t.slab = Byte(index);
  t.op = kMake;
  if (slab.there == 0) Begin(s, 0, t);
  bool empty = slab.there != 0 && slab.free == AllBlocks() && slab.nonempty != 0 &&
               slab.remote == 0 && slab.state == kPartial;
  if (Is(Bug::release_under_the_hand)) empty = slab.there != 0 && slab.state == kPartial;
  bool at_hand = s.ref == index + 1 && s.hand != 0 && !Is(Bug::release_under_the_hand);
  t.op = kRelease;
  if (empty && !at_hand) Begin(s, 0, t);
}

// With the owner at rest.
void Lists::CheckList(const State &s) {
  u8 seen = 0;
  u8 before = 0;
  for (u8 at = s.head; at != 0; at = s.slab[at - 1].next) {
    if (Has(seen, at)) return (void)Fail("the list is a ring");
    Set(seen, at);
    if (s.slab[at - 1].there == 0) return (void)Fail("a slab is listed that is not there");
    if (s.slab[at - 1].prev != before) Fail("a prev does not lead back");
    before = at;
  }
  for (int index = 0; index < size_.slabs; index++) {
    const Slab &slab = s.slab[index];
    if (slab.there == 0) continue;
    if ((slab.state == kPartial) != Has(seen, index + 1)) Fail("PARTIAL and not listed, or so");
    if (slab.state == kFull && slab.free != 0) Fail("a FULL slab has free blocks in F");
    if (slab.free != 0 && slab.nonempty == 0) Fail("N hides free blocks");
  }
}

// The owner alone gets all of the `count` free blocks.
void Lists::CheckReach(State s, int count) {
  for (; count > 0; count--) {
    State before = s;
    Thread t{};
    t.op = kAlloc;
    if (!RunAlone(s, 0, t)) return (void)Fail("an allocation does not end");
    bool got = false;
    for (int slab = 0; slab < size_.slabs; slab++) {
      for (int block = 0; block < size_.blocks; block++) {
        got = got || s.holder[slab][block] != before.holder[slab][block];
      }
    }
    if (!got) return (void)Fail("a free block is not found");
  }
}

void Lists::Check(const State &s) {
  bool owner_rests = !Has(s.dead, 0) && s.thread[0].op == kIdle;
  if (owner_rests && s.journal[0] != kNoJournal) Fail("a J is left");
  if (owner_rests) CheckList(s);
  if (!IsQuiet(s)) return;
  int count = 0;
  for (int index = 0; index < size_.slabs; index++) {
    const Slab &slab = s.slab[index];
    if (slab.there == 0) continue;
    int hand = s.ref == index + 1 ? s.hand : 0;
    if (((slab.free & slab.remote) | (slab.free & hand) | (slab.remote & hand)) != 0) {
      Fail("a block is in two free sets");
    }
    for (int block = 0; block < size_.blocks; block++) {
      bool is_free = Has(slab.free | slab.remote | hand, block);
      if (is_free != (s.holder[index][block] == kFree)) Fail("a block is lost, or free and live");
      count += is_free;
    }
    bool hinted = slab.dirty != 0 && Has(s.hints, HintOf(index)) && s.summary != 0;
    if (slab.remote != 0 && !hinted) Fail("a block waits, and no hint leads to it");
  }
  CheckReach(s, count);
}

void Lists::Print(const State &s) {
  (void)std::printf("head %d hand %d:%x H %x HS %d | ", s.head, s.ref, s.hand, s.hints, s.summary);
  for (int index = 0; index < size_.slabs; index++) {
    const Slab &slab = s.slab[index];
    (void)std::printf("%s%s %d %d N%d F%x RB%x cd%d held %d%d | ", slab.there != 0 ? "" : "!",
                      slab.state == kPartial ? "P" : "F", slab.prev, slab.next, slab.nonempty,
                      slab.free, slab.remote, slab.dirty, s.holder[index][0], s.holder[index][1]);
  }
  (void)std::printf("J %d(%d) %d(%d) dead %x |", s.journal[0], s.journal_at[0], s.journal[1],
                    s.journal_at[1], s.dead);
  PrintThreads(s);
}

Lists::State Lists::First() {
  State s{};
  s.head = 1;
  for (int index = 0; index < kMostSlabs; index++) {
    for (u8 &holder : s.holder[index]) holder = kFree;
    if (index >= size_.slabs) continue;
    u8 next = index + 1 < size_.slabs ? Byte(index + 2) : Byte(0);
    s.slab[index] = {1, kPartial, Byte(index), next, 1, AllBlocks(), 0, 0};
  }
  return s;
}

static void two_blocks_a_slab_lose_and_double_nothing() {
  Prove(Lists({2, 2, false, Nightly(), false}, Bug::none));
}

static void slabs_released_and_made_again_lose_nothing() {
  Prove(Lists({2, 1, true, true, Nightly()}, Bug::none));
}

static void a_slab_leaves_the_middle_of_the_list() {
  Prove(Lists({3, 1, true, false, false}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool links = bug == Bug::push_links_head_first || bug == Bug::unlink_without_journal;
  constexpr bool words = bug == Bug::bits_before_word_is_noted;
  constexpr bool releases = bug == Bug::release_under_the_hand ||
                            bug == Bug::release_leaves_the_hand ||
                            bug == Bug::slab_made_without_journal;
  Refute(Lists({links ? 3 : 2, words ? 2 : 1, releases, true, true}, bug));
}

static const test_entry entries[] = {
    CASE(two_blocks_a_slab_lose_and_double_nothing),
    CASE(slabs_released_and_made_again_lose_nothing),
    CASE(a_slab_leaves_the_middle_of_the_list),
    CAUGHT(refill_without_journal),
    CAUGHT(relist_without_journal),
    CAUGHT(first_free_not_listed),
    CAUGHT(unlink_without_journal),
    CAUGHT(push_links_head_first),
    CAUGHT(bits_before_word_is_noted),
    CAUGHT(hand_taken_with_blocks),
    CAUGHT(hand_given_back_unlisted),
    CAUGHT(recovered_refill_unlisted),
    CAUGHT(collection_unlisted),
    CAUGHT(bits_taken_by_exchange),
    CAUGHT(double_free_reported_in_redo),
    CAUGHT(redo_without_hint),
    CAUGHT(remote_free_without_journal),
    CAUGHT(release_under_the_hand),
    CAUGHT(release_leaves_the_hand),
    CAUGHT(slab_made_without_journal),
};

MODEL_SUITE(lists, entries)

}  // namespace model
