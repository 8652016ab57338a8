// SPDX-License-Identifier: MIT
// Goal: whatever is killed in an open, a close or an unlink, a name has one living region, and
// whoever opens gets in. Method: the model of tests/model/regions_model.h.
#include <cstdio>

#include "tests/model/regions_model.h"

namespace model {

bool Regions::IsReferred(const State &s, int object) {
  bool referred = s.object[object].named != 0 || s.object[object].users != 0;
  for (int process = 0; process < kProcesses; process++) {
    referred = referred || s.open[process] == object + 1 || s.thread[process].object == object + 1;
  }
  return referred || s.object[object].gate != 0;
}

void Regions::Tidy(State &s) {
  for (int i = 0; i < kObjects; i++) {
    Object &object = s.object[i];
    if (object.ready != 0 && object.users == 0 && object.gate == 0) object.left = 1;
    if (!IsReferred(s, i)) object = Object{};
  }
}

void Regions::EnterGate(State &s, const Thread &t, int actor) {
  Object &object = s.object[t.object - 1];
  if (object.gate != 0) return Block();
  object.gate = Byte(actor + 1);
}

void Regions::LeaveGate(State &s, Thread &t, int actor) {
  Object &object = s.object[t.object - 1];
  if (object.gate == actor + 1) object.gate = 0;
  t.object = t.maker = 0;
}

void Regions::RemoveName(State &s) {
  if (s.name != 0) s.object[s.name - 1].named = 0;
  s.name = 0;
}

// O_CREAT and O_EXCL.
void Regions::Make(State &s, Thread &t) {
  if (s.name != 0) return;
  int i = 0;
  while (i < kObjects && IsReferred(s, i)) i++;
  if (i == kObjects) return (void)Fail("the model needs more objects");
  s.object[i] = {1, 0, 0, 0, 0, 0};
  s.name = t.object = Byte(i + 1);
  t.maker = 1;
}

// READY is stored last.
void Regions::Format(State &s, const Thread &t, int actor) {
  Object &object = s.object[t.object - 1];
  if ((object.users & ~(1 << actor)) != 0) Fail("a region is formatted under a user");
  if (object.ready != 0) Fail("a region is formatted twice");
  object.ready = 1;
  object.left = 0;
}

void Regions::TakeByte(State &s, const Thread &t, int actor) {
  Object &object = s.object[t.object - 1];
  if (object.left != 0) Fail("a region is joined that its last user has left");
  Set(object.users, actor);
}

// Under the gate. t.seen becomes 1 where the process is in, and the gate is left.
bool Regions::Judge(State &s, Thread &t, int actor) {
  BEGIN(1);
  if (!Is(Bug::name_not_checked)) {
    STEP(t.seen = s.name == t.object);
    if (t.seen == 0) {
      STEP(LeaveGate(s, t, actor));
      DONE;
    }
  }
  STEP(t.seen = s.object[t.object - 1].ready != 0 && s.object[t.object - 1].users == 0);
  if (t.seen != 0 && !Is(Bug::stale_region_joined)) {
    STEP(RemoveName(s));
    t.seen = 0;
    STEP(LeaveGate(s, t, actor));
    DONE;
  }
  t.seen = s.object[t.object - 1].ready;
  if (t.seen == 0 && Is(Bug::unformed_left_to_its_maker) && t.maker == 0) {
    STEP(LeaveGate(s, t, actor));
    DONE;
  }
  if (!Is(Bug::byte_taken_after_gate)) STEP(TakeByte(s, t, actor));
  if (t.seen == 0 && !Is(Bug::ready_after_gate)) STEP(Format(s, t, actor));
  t.seen = 1;
  s.open[actor] = t.object;
  STEP(s.object[t.object - 1].gate = 0);
  if (Is(Bug::byte_taken_after_gate)) STEP(TakeByte(s, t, actor));
  if (s.object[t.object - 1].ready == 0) STEP(Format(s, t, actor));
  END;
}

bool Regions::Open(State &s, Thread &t, int actor) {
  BEGIN(0);
  for (; t.tries < 2 && t.seen == 0; t.tries++) {
    STEP(t.object = s.name);
    if (t.object == 0) STEP(Make(s, t));
    if (t.object == 0) continue;
    if (!Is(Bug::open_without_gate)) STEP(EnterGate(s, t, actor));
    CALL(Judge(s, t, actor));
  }
  END;
}

bool Regions::Close(State &s, Thread &t, int actor) {
  BEGIN(0);
  if (!Is(Bug::open_without_gate)) STEP(EnterGate(s, t, actor));
  s.open[actor] = 0;
  STEP(Clear(s.object[t.object - 1].users, actor));
  STEP(t.seen = s.object[t.object - 1].users == 0 || Is(Bug::close_without_question));
  if (t.seen != 0 && !Is(Bug::close_removes_any_name)) STEP(t.seen = s.name == t.object);
  if (t.seen != 0) STEP(RemoveName(s));
  LAST(LeaveGate(s, t, actor));
  END;
}

bool Regions::Unlink(State &s, Thread &t, int actor) {
  BEGIN(0);
  STEP(t.object = s.name);
  if (t.object == 0) DONE;
  if (!Is(Bug::unlink_without_gate)) {
    STEP(EnterGate(s, t, actor));
    STEP(t.seen = s.name == t.object);
  }
  if (t.seen != 0 || Is(Bug::unlink_without_gate)) {
    STEP(if (s.name != 0) s.object[s.name - 1].on_purpose = 1; RemoveName(s));
  }
  LAST(LeaveGate(s, t, actor));
  END;
}

bool Regions::Run(State &s, Thread &t, int actor) {
  switch (t.op) {
    case kOpen: return Open(s, t, actor);
    case kClose: return Close(s, t, actor);
    default: return Unlink(s, t, actor);
  }
}

bool Regions::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  bool running = Run(s, t, actor);
  if (!running) t = Thread{};
  Tidy(s);
  return running;
}

void Regions::Bury(State &s, int actor) {
  for (Object &object : s.object) {
    if (object.gate == actor + 1) object.gate = 0;
    Clear(object.users, actor);
  }
  s.open[actor] = 0;
  Tidy(s);
}

void Regions::Idle(const State &s, int actor) {
  if (actor >= size_.processes) return;
  Thread t{};
  t.object = s.open[actor];
  t.op = t.object == 0 ? kOpen : kClose;
  Begin(s, actor, t);
  t = Thread{};
  t.op = kUnlink;
  if (size_.unlinks) Begin(s, actor, t);
}

void Regions::Environment(const State &s) {
  for (int actor = 0; actor < size_.processes; actor++) {
    State z = s;
    Clear(z.dead, actor);
    if (Has(s.dead, actor)) Put(z);
    const Thread &t = s.thread[actor];
    z = s;
    z.thread[actor] = Thread{};
    // Between two calls it is killed as well; a gate that others hold is waited for 2 s at most.
    bool waits = t.object != 0 && t.object != s.open[actor] && s.object[t.object - 1].gate != 0 &&
                 s.object[t.object - 1].gate != actor + 1 &&
                 !Has(s.object[t.object - 1].users, actor);
    if (t.op == kIdle && s.open[actor] != 0) Bury(z, actor);
    Tidy(z);
    if ((t.op == kIdle && s.open[actor] != 0) || waits) Put(z);
  }
}

void Regions::Check(const State &s) {
  int lived_in = 0;
  for (int i = 0; i < kObjects; i++) {
    const Object &object = s.object[i];
    bool settled = false;
    for (int actor = 0; actor < size_.processes; actor++) {
      settled = settled || (s.open[actor] == i + 1 && s.thread[actor].op == kIdle);
    }
    if (!settled) continue;
    if (object.ready == 0) Fail("a region is used that was never made");
    if (object.named == 0 && object.on_purpose == 0) Fail("a region in use has lost its name");
    lived_in += object.on_purpose == 0;
  }
  if (lived_in > 1) Fail("a name has two living regions");
  if (!IsQuiet(s) || s.open[0] != 0) return;
  State z = s;
  Thread t{};
  t.op = kOpen;
  if (!RunAlone(z, 0, t) || z.open[0] == 0) Fail("an opener alone does not get in");
}

void Regions::Print(const State &s) {
  (void)std::printf("name %d | ", s.name);
  for (const Object &object : s.object) {
    (void)std::printf("named %d ready %d gate %d users %x left %d | ", object.named, object.ready,
                      object.gate, object.users, object.left);
  }
  (void)std::printf("open %d%d%d dead %x |", s.open[0], s.open[1], s.open[2], s.dead);
  PrintThreads(s);
}

static void a_name_has_one_living_region() {
  Prove(Regions({2, true}, Bug::none));
  if (Nightly()) Prove(Regions({3, false}, Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Regions({bug == Bug::unlink_without_gate ? 3 : 2, true}, bug));
}

static const test_entry entries[] = {
    CASE(a_name_has_one_living_region), CAUGHT(open_without_gate),
    CAUGHT(name_not_checked),           CAUGHT(unformed_left_to_its_maker),
    CAUGHT(stale_region_joined),        CAUGHT(byte_taken_after_gate),
    CAUGHT(ready_after_gate),           CAUGHT(close_without_question),
    CAUGHT(close_removes_any_name),     CAUGHT(unlink_without_gate),
};

MODEL_SUITE(regions, entries)

}  // namespace model
