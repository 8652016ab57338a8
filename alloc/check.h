// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_CHECK_H
#define SHL_ALLOC_CHECK_H

#include "alloc/census.h"

// The parts of shoal_check. Each examines one kind of thing by a table of rules: a rule is a pure
// question about one subject, with the sentence that is reported where the answer stays no.

// One check. Private to the process.
struct shl_check {
  shoal_heap *heap;
  shoal_check_reporter *report;
  void *context;
  uint64_t findings;
  uint32_t high;    // chunks below it are examined
  uint8_t *listed;  // one bit a unit from first_chunk on: met on a list
};

// What is examined. Private to the process; fields that do not apply are 0.
struct shl_subject {
  uint64_t off;     // where it is said to be
  uint32_t chunk;   // steps on this chunk excuse it
  uint32_t slot;    // and so does any step of this slot
  bool strict;      // no step excuses
  uint32_t index;   // a unit, a class, a record, as the table says
  unsigned page;
  unsigned pages;
  uint64_t desc;
  const struct shl_slab_view *slab;
};

typedef bool shl_rule_holds(const struct shl_check *check, const struct shl_subject *subject);

struct shl_rule {
  shl_rule_holds *holds;
  const char *text;
};

/// Asks each rule about the subject; one that does not hold is asked again, some milliseconds long,
/// and reported unless a journal says that a step on the subject is under way.
/// returns: whether nothing was reported.
bool shl_check_rules(struct shl_check *check, const struct shl_rule *rules, size_t count,
                     const struct shl_subject *subject);

/// Reports.
void shl_check_report(struct shl_check *check, uint64_t off, const char *text);

/// Chunk words and what stands beside them, and a chunk's runs as a whole.
void shl_check_chunk(struct shl_check *check, uint32_t chunk);

/// Whether what a part covers is backed, and the descriptors of its units.
void shl_check_part(struct shl_check *check, const struct shl_part *part);

/// A slab's words, hand, hints and links.
void shl_check_slab(struct shl_check *check, const struct shl_part *part);

/// A slot's owner word, journal, hands and lists; marks what is listed.
void shl_check_slot(struct shl_check *check, uint32_t slot);

/// Root and pin records.
void shl_check_roots(struct shl_check *check);
void shl_check_pins(struct shl_check *check);

/// Marks a unit as met on a list. returns: whether it was not yet.
bool shl_check_mark(const struct shl_check *check, uint32_t unit);
bool shl_check_is_marked(const struct shl_check *check, uint32_t unit);

#endif
