// SPDX-License-Identifier: MIT
// What the watched library calls for memcpy and memset: its sources are compiled with these names
// (BUILD). Copying and clearing are made in pieces, each one access, so that they too can be left
// in their middle.
#include <stddef.h>
#include <string.h>

#include "tests/watch/lie.h"
#include "tests/watch/watch.h"

enum { PIECES = 8, WORD_BYTES = 8 };

void *watched_memcpy(void *to, const void *from, size_t bytes);
void *watched_memset(void *to, int value, size_t bytes);

// Whole words, so many that no more than PIECES come of `bytes`.
static size_t bytes_of_piece(size_t bytes) {
  size_t words = (bytes + WORD_BYTES - 1) / WORD_BYTES;
  return (words + PIECES - 1) / PIECES * WORD_BYTES;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

void *watched_memcpy(void *to, const void *from, size_t bytes) {
  if (lie_takes_copy(to, from, bytes)) return to;
  size_t most = bytes_of_piece(bytes);
  for (size_t done = 0; done < bytes; done += most) {
    size_t piece = least(most, bytes - done);
    lie_before(WATCH_LOAD);
    watch_point((const char *)from + done, piece, WATCH_LOAD);
    lie_before(WATCH_STORE);
    watch_copy((char *)to + done, (const char *)from + done, piece);
    (void)memcpy((char *)to + done, (const char *)from + done, piece);
  }
  return to;
}

void *watched_memset(void *to, int value, size_t bytes) {
  size_t most = bytes_of_piece(bytes);
  for (size_t done = 0; done < bytes; done += most) {
    size_t piece = least(most, bytes - done);
    lie_before(WATCH_STORE);
    watch_fill((char *)to + done, value, piece);
    (void)memset((char *)to + done, value, piece);
  }
  return to;
}
