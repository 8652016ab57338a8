// SPDX-License-Identifier: MIT
// Goal: memory registered with io_uring and pinned keeps its pages: what the kernel writes there
// after the block was freed and the heap trimmed is seen in the heap. Without the pin the pages
// would be punched out under the registration, and the bytes lost without an error. Linux only.
#include <liburing.h>
#include <string.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"

enum { BUFFER_BYTES = 1 << 20, BLOCK_BYTES = 3 << 20, MESSAGE_BYTES = 4096 };

// A ring with one registered buffer in a heap. Private to the process.
struct station {
  shoal_heap *heap;
  shoal_off off;
  struct io_uring ring;
  int pipe[2];
};

// Writes `bytes` bytes of `fill` into the buffer by a fixed read from the pipe.
// returns: bytes read, or a negated error.
static int receive(struct station *station, unsigned char fill) {
  unsigned char message[MESSAGE_BYTES];
  struct io_uring_cqe *done = NULL;
  memset(message, fill, sizeof message);
  if (write(station->pipe[1], message, sizeof message) != MESSAGE_BYTES) return -1;
  struct io_uring_sqe *job = io_uring_get_sqe(&station->ring);
  io_uring_prep_read_fixed(job, station->pipe[0], shoal_ptr(station->heap, station->off),
                           MESSAGE_BYTES, 0, 0);
  int submitted = io_uring_submit_and_wait(&station->ring, 1);
  if (submitted < 0) return submitted;
  int status = io_uring_wait_cqe(&station->ring, &done);
  if (status < 0) return status;
  int result = done->res;
  io_uring_cqe_seen(&station->ring, done);
  return result;
}

static void expect_arrived(const struct station *station, unsigned char fill) {
  const unsigned char *bytes = shoal_ptr(station->heap, station->off);
  unsigned wrong = 0;
  for (unsigned i = 0; i < MESSAGE_BYTES; i++) wrong += bytes[i] != fill ? 1 : 0;
  EXPECT_EQ(0, wrong);
}

static void run_station(struct station *station) {
  shoal_pin_id pin = 0;
  EXPECT_EQ(MESSAGE_BYTES, receive(station, 0x11));
  expect_arrived(station, 0x11);
  EXPECT_OK(shoal_pin(station->heap, station->off, BUFFER_BYTES, &pin));
  EXPECT_OK(shoal_free_offset(station->heap, station->off));
  EXPECT_OK(shoal_trim(station->heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(MESSAGE_BYTES, receive(station, 0x22));
  expect_arrived(station, 0x22);
  EXPECT_OK(shoal_unpin(station->heap, pin));
}

static void what_the_kernel_writes_into_a_pinned_block_arrives(void) {
  char name[TEST_NAME_BYTES];
  struct station station = {.pipe = {-1, -1}};
  int missing = io_uring_queue_init(4, &station.ring, 0);
  if (missing < 0) SKIP("io_uring is not to be had here: %s", strerror(-missing));
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE, .capacity = 64 << 20};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &station.heap));
  station.off = shoal_alloc(station.heap, BLOCK_BYTES, SHOAL_ZERO);
  struct iovec buffer = {.iov_base = shoal_ptr(station.heap, station.off),
                         .iov_len = BUFFER_BYTES};
  int refused = io_uring_register_buffers(&station.ring, &buffer, 1);
  EXPECT_EQ(0, pipe(station.pipe));
  if (refused == 0) run_station(&station);
  io_uring_queue_exit(&station.ring);
  EXPECT_EQ(0, close(station.pipe[0]));
  EXPECT_EQ(0, close(station.pipe[1]));
  EXPECT_OK(shoal_close(station.heap));
  if (refused != 0) SKIP("buffers cannot be registered here: %s", strerror(-refused));
}

SUITE(pin_uring, TEST(what_the_kernel_writes_into_a_pinned_block_arrives))
