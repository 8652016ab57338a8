// SPDX-License-Identifier: MIT
// The states of a search and what a test makes of its verdict. Whole states are compared: equal
// hashes alone decide nothing.
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

uint64_t StateStore::Hash(const void *state) const {
  const auto *bytes = static_cast<const unsigned char *>(state);
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t at = 0; at < bytes_; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    size_t count = bytes_ - at < sizeof word ? bytes_ - at : sizeof word;
    std::memcpy(&word, bytes + at, count);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  return hash;
}

const void *StateStore::At(uint32_t index) const {
  return blocks_[index / kBlock].get() + index % kBlock * bytes_;
}

void StateStore::Append(const void *state, uint32_t parent) {
  uint32_t index = Count();
  if (index % kBlock == 0) blocks_.push_back(std::make_unique<unsigned char[]>(kBlock * bytes_));
  std::memcpy(blocks_[index / kBlock].get() + index % kBlock * bytes_, state, bytes_);
  parents_.push_back(parent);
}

void StateStore::Add(const void *state, uint32_t parent) {
  if (Count() * UINT64_C(2) > table_.size()) Grow();
  size_t at = Hash(state) & (table_.size() - 1);
  for (; table_[at] != 0; at = (at + 1) & (table_.size() - 1)) {
    if (std::memcmp(At(table_[at] - 1), state, bytes_) == 0) return;
  }
  Append(state, parent);
  table_[at] = Count();
}

void StateStore::Grow() {
  std::vector<uint32_t> before(table_.size() * 4);
  before.swap(table_);
  for (uint32_t entry : before) {
    if (entry == 0) continue;
    size_t at = Hash(At(entry - 1)) & (table_.size() - 1);
    while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
    table_[at] = entry;
  }
}

}  // namespace model
