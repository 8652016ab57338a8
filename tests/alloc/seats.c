// SPDX-License-Identifier: MIT
#include "tests/alloc/seats.h"

shoal_heap *heap;
struct shl_seat here;
struct shl_seat other;

void seats_open(shoal_heap *opened, uint32_t process) {
  heap = opened;
  here = stand_here(heap);
  other = stand_other(heap, process);
}

void seats_close(void) {
  stand_close(heap);
}
