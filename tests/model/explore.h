// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_EXPLORE_H
#define SHL_TESTS_MODEL_EXPLORE_H

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#include "tests/harness/suite.h"
#include "tests/model/state_store.h"

// Explicit-state search of the protocol. A model is a State, plain bytes without padding, and what
// may happen next in one. From the first state on, breadth first, every state that can be reached
// is kept whole and looked at, until there is no new one: then the protocol as modelled is right in
// that configuration, or else the trace to the first wrong state is the shortest there is.
//
// Actors act one shared access at a time, in any order; a stopped actor is one whose turn does not
// come. Each may die before any of its steps, the recoverer too, any number of times. Operations
// are written as ordinary functions in steps.h's words. What a single actor alone reads and stores
// takes no step to read.
//
// Every model has seeded bugs, a run-time parameter: each drops or swaps one rule of the protocol,
// and the search must find a violation.

namespace model {

// What a search ended with.
struct Verdict {
  bool closed;
  const char *violation;  // null: none
  uint64_t states;
  uint64_t trace;  // states from the first to the violation
};

/// Whether the tier (SHOAL_CRASH_TIER) asks for the big configurations.
bool Nightly();

/// Prints a thread of `bytes` bytes: its op, its other fields, and its pc, the last `steps` bytes.
void PrintThread(const void *thread, size_t bytes, size_t steps);

/// Fails the test unless the search closed without a violation; prints the trace of one.
void ExpectRight(const Verdict &verdict, const std::function<void()> &print_trace);

/// Fails the test unless the search found a violation; notes how long its trace is. The trace is
/// printed where SHOAL_MODEL_TRACE is set.
void ExpectWrong(const Verdict &verdict, const std::function<void()> &print_trace);

struct NoSize {};

// State has kActors, thread[kActors], and dead, a bit an actor; a thread begins with op (0: idle)
// and ends with pc. The last actor is the recoverer: when it dies another begins afresh. Size says
// which configuration it is, Bug which bug is seeded.
template <class AnyState, class Bug, class Size = NoSize>
class Model {
 public:
  using State = AnyState;
  static constexpr int kRecoverer = State::kActors - 1;
  // A search that has come so far gives up: it takes 10 GiB.
  static constexpr uint64_t kMost = 80000000;

  Model(const Size &size, Bug bug) : size_(size), bug_(bug) {}
  virtual ~Model() = default;

  Verdict Explore() {
    static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");
    State first = First();
    store_.Add(&first, 0);
    uint32_t at = 0;
    for (; at < store_.Count() && why_ == nullptr && store_.Count() < kMost; at++) {
      State s = At(at);
      current_ = at;
      Check(s);
      if (why_ != nullptr) store_.Append(&s, at);
      if (why_ == nullptr) Moves(s);
    }
    bool closed = why_ == nullptr && at == store_.Count();
    return Verdict{closed, why_, store_.Count(), why_ == nullptr ? 0 : Trace().size()};
  }

  void PrintTrace() {
    std::vector<uint32_t> trace = Trace();
    while (!trace.empty()) {
      Print(At(trace.back()));
      trace.pop_back();
    }
  }

 protected:
  using Thread = std::remove_reference_t<decltype(State::thread[0])>;

  virtual State First() { return State{}; }
  /// One step of a running operation. returns: whether it goes on.
  virtual bool Step(State &s, int actor) = 0;
  /// Begins whatever an idle actor may do.
  virtual void Idle(const State &s, int actor) = 0;
  /// Calls Fail where a property does not hold.
  virtual void Check(const State &s) = 0;
  virtual void Print(const State &s) = 0;
  /// Whether an actor may die where it is.
  virtual bool Mortal(const State &s, int actor) { return (void)s, (void)actor, true; }
  /// Notes that somebody died.
  virtual void Bury(State &s, int actor) { (void)s, (void)actor; }
  /// What happens besides actors' steps.
  virtual void Environment(const State &s) { (void)s; }

  bool Is(Bug bug) const { return bug_ == bug; }

  /// A violation. returns: true, so that a step ends with it.
  bool Fail(const char *why) {
    if (why_ == nullptr) why_ = why;
    return true;
  }

  /// The step under way cannot be made now.
  void Block() { blocked_ = true; }

  void Put(const State &s) {
    if (why_ != nullptr) {
      store_.Append(&s, current_);
    } else {
      store_.Add(&s, current_);
    }
  }

  /// Makes one step of an actor.
  void Go(State s, int actor) {
    if (why_ != nullptr) return;
    blocked_ = false;
    bool running = Step(s, actor);
    if (blocked_ && why_ == nullptr) return;
    if (!running) s.thread[actor] = Thread{};
    Put(s);
  }

  /// The first step of an operation.
  void Begin(State s, int actor, const Thread &thread) {
    s.thread[actor] = thread;
    Go(s, actor);
  }

  /// The recoverer begins with any of the dead, which `victim` of its thread names.
  void BeginRecovery(const State &s, uint8_t op) {
    Thread thread{};
    thread.op = op;
    for (; thread.victim < kRecoverer; thread.victim++) {
      if ((s.dead >> thread.victim & 1) != 0) Begin(s, kRecoverer, thread);
    }
  }

  /// Runs an operation of a quiet state to its end. returns: whether it came to one.
  bool RunAlone(State &s, int actor, const Thread &thread) {
    s.thread[actor] = thread;
    int steps = 0;
    while (why_ == nullptr && Step(s, actor)) {
      if (++steps > 1000) return false;
    }
    s.thread[actor] = Thread{};
    return why_ == nullptr;
  }

  static bool IsQuiet(const State &s) {
    if (s.dead != 0) return false;
    for (const Thread &thread : s.thread) {
      if (thread.op != 0) return false;
    }
    return true;
  }

  /// Ends a line of the trace: each thread's op, its other fields, and how far it has come.
  static void PrintThreads(const State &s) {
    for (const Thread &thread : s.thread) PrintThread(&thread, sizeof thread, sizeof thread.pc);
    (void)std::printf("\n");
  }

  const Size size_;
  const Bug bug_;

 private:
  State At(uint32_t index) const {
    State s;
    std::memcpy(&s, store_.At(index), sizeof s);
    return s;
  }

  std::vector<uint32_t> Trace() const {
    std::vector<uint32_t> trace{store_.Count() - 1};
    while (trace.back() != 0) trace.push_back(store_.Parent(trace.back()));
    return trace;
  }

  void Die(State s, int actor) {
    s.thread[actor] = Thread{};
    Bury(s, actor);
    if (actor != kRecoverer) s.dead = static_cast<uint8_t>(s.dead | 1 << actor);
    Put(s);
  }

  void Moves(const State &s) {
    for (int actor = 0; actor < State::kActors && why_ == nullptr; actor++) {
      if ((s.dead >> actor & 1) != 0) continue;
      if (s.thread[actor].op == 0) {
        Idle(s, actor);
        continue;
      }
      Go(s, actor);
      if (why_ == nullptr && Mortal(s, actor)) Die(s, actor);
    }
    if (why_ == nullptr) Environment(s);
  }

  StateStore store_{sizeof(State)};
  uint32_t current_ = 0;
  const char *why_ = nullptr;
  bool blocked_ = false;
};

/// The protocol as it is, in one configuration: must close without a violation.
template <class AnyModel>
void Prove(AnyModel &&searched) {
  Verdict verdict = searched.Explore();
  ExpectRight(verdict, [&] { searched.PrintTrace(); });
}

/// With a seeded bug: must end in a violation.
template <class AnyModel>
void Refute(AnyModel &&searched) {
  Verdict verdict = searched.Explore();
  ExpectWrong(verdict, [&] { searched.PrintTrace(); });
}

}  // namespace model

/// Entries of the test file's table, which is `test_suite`. CAUGHT needs a template
/// `void Catches<bug>()` in the file.
#define CASE(function) \
  { TEST_ENTRY_CASE, __LINE__, #function, function, nullptr }
#define CAUGHT(bug) \
  { TEST_ENTRY_CASE, __LINE__, "caught_" #bug, Catches<Bug::bug>, nullptr }
#define MODEL_SUITE(suite_name, entries)                                          \
  extern "C" const test_suite_table test_suite = {#suite_name, __FILE__, entries, \
                                                  sizeof(entries) / sizeof(entries[0])};

#endif
