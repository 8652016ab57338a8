// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_TAKE_APART_H
#define WORD_INDEX_TAKE_APART_H

#include "examples/word_index/index.h"

/// Frees each block that the index names, whoever has allocated it, the index itself last. While
/// nobody else uses it; a batch or a fresh block on a desk is not the index's.
/// returns: how many blocks were freed.
uint64_t take_apart(const struct index *index);

#endif
