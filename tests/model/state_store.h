// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_STATE_STORE_H
#define SHL_TESTS_MODEL_STATE_STORE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace model {

// The states met so far, in the order in which they were met, each once. Whole states are compared:
// equal hashes alone decide nothing.
class StateStore {
 public:
  explicit StateStore(size_t bytes) : bytes_(bytes), table_(1 << 16) {}
  /// Adds the state unless it is known.
  void Add(const void *state, uint32_t parent);
  /// Adds it even so: it ends a trace.
  void Append(const void *state, uint32_t parent);
  const void *At(uint32_t index) const;
  uint32_t Parent(uint32_t index) const { return parents_[index]; }
  uint32_t Count() const { return static_cast<uint32_t>(parents_.size()); }

 private:
  static constexpr uint32_t kBlock = 1 << 12;
  uint64_t Hash(const void *state) const;
  void Grow();

  size_t bytes_;
  std::vector<std::unique_ptr<unsigned char[]>> blocks_;
  std::vector<uint32_t> parents_;
  std::vector<uint32_t> table_;  // open addressing; index + 1, 0: empty
};

}  // namespace model

#endif
