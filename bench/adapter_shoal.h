// SPDX-License-Identifier: MIT
#ifndef BENCH_ADAPTER_SHOAL_H
#define BENCH_ADAPTER_SHOAL_H

#include <shoal/shoal.h>

#include "bench/adapter.h"

// What the adapters of shoal's region kinds have in common: they differ in how they open. Private
// to the process.

/// The heap under test, set by bench_shoal_open.
extern shoal_heap *bench_shoal;

/// Opens bench_shoal as `heap` says, as a region of `kind`; `name` is null for PRIVATE.
int bench_shoal_open(const struct bench_heap *heap, shoal_kind kind, const char *name);

void bench_shoal_close(void);
int bench_shoal_remove(const char *name);
int bench_shoal_account(struct bench_account *out);
int bench_shoal_descriptor(void);

#endif
