// SPDX-License-Identifier: MIT
#ifndef SHOAL_SHOAL_H
#define SHOAL_SHOAL_H

#include <shoal/exact.h>
#include <shoal/heap.h>
#include <shoal/inspect.h>
#include <shoal/mark.h>
#include <shoal/offset.h>
#include <shoal/orphans.h>
#include <shoal/root.h>
#include <shoal/status.h>

#endif
