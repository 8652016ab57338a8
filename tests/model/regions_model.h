// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_REGIONS_MODEL_H
#define SHL_TESTS_MODEL_REGIONS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Opening, closing and unlinking a region with LAST_DETACH, under one name.
//
//   cells     the name; of each object: whether the name leads to it, whether its header is READY,
//             who holds its gate, who holds a liveness byte
//   actors    processes. Each opens with CREATE, closes, unlinks the name, is killed, which lets go
//             of gate and byte, gives up waiting for a gate, and comes back
//   steps     one system call each: open_once, attach, judge, create, judge_ready (attach.c);
//             close_attached, judge_unlink (region.c)
//   checked   no object is formatted under a user; nobody joins one that its last user has left;
//             of the regions that have users and were not unlinked on purpose there is one, and the
//             name leads to it; an opener alone gets in
//
// Objects are used again once nobody refers to them. The last actor does nothing. Left out:
// readers, EXCLUSIVE, files of other boots and hosts.

namespace model {

enum class Bug {
  none,
  open_without_gate,
  name_not_checked,
  unformed_left_to_its_maker,
  stale_region_joined,
  byte_taken_after_gate,
  ready_after_gate,
  close_without_question,
  close_removes_any_name,
  unlink_without_gate,
};

constexpr int kProcesses = 3;
constexpr int kObjects = 6;

struct RegionsState {
  static constexpr int kActors = kProcesses + 1;
  struct Object {
    u8 named, ready, gate, users;  // gate: process + 1; users: a bit each
    u8 left, on_purpose;           // nobody used it for an instant; unlinked while in use: ghosts
  };
  struct Thread {
    u8 op, object, seen, tries, maker;  // object + 1
    u8 pc[2];
  };
  Object object[kObjects];
  u8 name;              // object + 1
  u8 open[kProcesses];  // object + 1
  u8 dead;
  Thread thread[kActors];
};

struct RegionsSize {
  int processes;
  bool unlinks;
};

class Regions final : public Model<RegionsState, Bug, RegionsSize> {
 public:
  using Model::Model;

 protected:
  using Object = RegionsState::Object;
  enum Op : u8 { kIdle, kOpen, kClose, kUnlink };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Environment(const State &s) override;
  void Bury(State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static bool IsReferred(const State &s, int object);
  static void Tidy(State &s);
  static void LeaveGate(State &s, Thread &t, int actor);
  static void RemoveName(State &s);
  void EnterGate(State &s, const Thread &t, int actor);
  void Make(State &s, Thread &t);
  void Format(State &s, const Thread &t, int actor);
  void TakeByte(State &s, const Thread &t, int actor);
  bool Run(State &s, Thread &t, int actor);

  bool Open(State &s, Thread &t, int actor);
  bool Judge(State &s, Thread &t, int actor);
  bool Close(State &s, Thread &t, int actor);
  bool Unlink(State &s, Thread &t, int actor);
};

}  // namespace model

#endif
