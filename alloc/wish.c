// SPDX-License-Identifier: MIT
#include "alloc/wish.h"

bool shl_wish_read(size_t size, unsigned flags, struct shl_wish *out) {
  unsigned align = flags >> 8;
  unsigned rest = flags & 0xff;
  const unsigned known = SHOAL_ZERO | SHOAL_NO_GROW | SHOAL_TAGGED;
  if ((rest & ~known) != 0 || align > 22) return false;
  uint64_t alignment = align <= 5 ? 16 : UINT64_C(1) << (align - 1);
  *out = (struct shl_wish){.bytes = size, .alignment = alignment, .flags = rest};
  return true;
}
