// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_QUOTA_H
#define SHL_ALLOC_QUOTA_H

#include "alloc/handle.h"

// limit_bytes: how much data may be committed. Without a limit nothing is counted.

/// Counts `bytes` as committed, if the limit allows it. Settle once the chunk says so.
/// returns: whether it does; always where there is none.
bool shl_quota_take(struct shl_seat seat, uint64_t bytes);

/// Announces that `bytes` will be given back. Before the chunk says so.
void shl_quota_announce(struct shl_seat seat, uint64_t bytes);

/// Counts `bytes` as given back.
void shl_quota_give(struct shl_seat seat, uint64_t bytes);

/// Ends a change: what the chunks say is all there is of the slot's. Also for a dead slot.
void shl_quota_settle(struct shl_seat seat);

#endif
