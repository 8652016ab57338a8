// SPDX-License-Identifier: MIT
#include "tests/model/state_store.h"

#include <cstring>

namespace model {

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
