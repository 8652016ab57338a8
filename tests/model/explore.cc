// SPDX-License-Identifier: MIT
// What a test makes of a search's verdict, and how a trace's threads are printed.
#include "tests/model/explore.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace model {

bool Nightly() {
  const char *tier = std::getenv("SHOAL_CRASH_TIER");
  return tier != nullptr &&
         (std::strcmp(tier, "nightly") == 0 || std::strcmp(tier, "release") == 0);
}

static void Note(const char *what, const Verdict &verdict) {
  test_count(what, verdict.states);
  if (verdict.violation == nullptr) return;
  (void)std::printf("%s: a trace of %" PRIu64 " states, after %" PRIu64 "\n", verdict.violation,
                    verdict.trace, verdict.states);
}

void PrintThread(const void *thread, size_t bytes, size_t steps) {
  const auto *byte = static_cast<const unsigned char *>(thread);
  (void)std::printf(" %d", byte[0]);
  for (size_t i = 1; i < bytes && byte[0] != 0; i++) {
    const char *before = i == 1 ? "(" : i < bytes - steps ? "," : i == bytes - steps ? ")@" : ".";
    (void)std::printf("%s%d", before, byte[i]);
  }
}

void ExpectRight(const Verdict &verdict, const std::function<void()> &print_trace) {
  Note("model_states", verdict);
  if (verdict.violation != nullptr) {
    print_trace();
    test_fail(__FILE__, __LINE__, "%s", verdict.violation);
  } else if (!verdict.closed) {
    test_fail(__FILE__, __LINE__, "gave up after %" PRIu64 " states", verdict.states);
  }
}

void ExpectWrong(const Verdict &verdict, const std::function<void()> &print_trace) {
  Note("model_states_with_bugs", verdict);
  test_count("model_bugs", 1);
  test_count("model_bugs_caught", verdict.violation != nullptr);
  if (verdict.violation == nullptr) {
    test_fail(__FILE__, __LINE__, "%" PRIu64 " states, and the bug is in none", verdict.states);
  } else if (std::getenv("SHOAL_MODEL_TRACE") != nullptr) {
    print_trace();
  }
}

}  // namespace model
