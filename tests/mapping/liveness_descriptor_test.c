// SPDX-License-Identifier: MIT
// Linux only: descriptors passed over a socket, the table of system calls.
//
// Goal: whoever else has the region's descriptors, duplicates them or closes them, a process's byte
// is its own; where a kernel does not let a mapping hold a lock, the descriptor does. Method: peers
// that hand out, duplicate and close; a peer whose mappings hold nothing.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc/handle.h"
#include "mapping/linux/syscall.h"
#include "mapping/object.h"
#include "mapping/region_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

enum { WAIT_SECONDS = 40, LOCK_PAGE_BYTES = 4096 };

static struct sockaddr_un address_of(const struct place *place, socklen_t *bytes) {
  // A leading NUL: a name without a file.
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(place->name);
  memcpy(address.sun_path + 1, place->name, length);
  *bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
  return address;
}

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

// Sends a descriptor to the socket of `place`'s name. returns: whether it is on its way.
static bool send_descriptor(const struct place *place, int fd) {
  socklen_t length;
  struct sockaddr_un address = address_of(place, &length);
  union control control = {.bytes = {0}};
  char byte = 0;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_name = &address,
                           .msg_namelen = length,
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool sent = out >= 0 && sendmsg(out, &message, 0) == 1;
  if (out >= 0) (void)close(out);
  return sent;
}

static int listen_at(const struct place *place) {
  socklen_t length;
  struct sockaddr_un address = address_of(place, &length);
  struct timeval limit = {.tv_sec = WAIT_SECONDS};
  int in = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  (void)setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  EXPECT_EQ(0, bind(in, (struct sockaddr *)&address, length));
  return in;
}

static int receive_descriptor(int in) {
  union control control = {.bytes = {0}};
  char byte;
  int fd = -1;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  EXPECT_EQ(1, recvmsg(in, &message, MSG_CMSG_CLOEXEC));
  EXPECT_EQ(SCM_RIGHTS, control.header.cmsg_type);
  memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
  return fd;
}

// argv: a place whose name is the socket's. Makes a nameless region and sends its descriptor.
static void give_away(int argc, char **argv) {
  struct place socket_place;
  shoal_heap *own = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_MEMFD,
                           .flags = SHOAL_CREATE,
                           .capacity = PLACE_CAPACITY};
  int fd = -1;
  if (argc < 2) exit(3);
  place_read(&socket_place, argv[0], argv[1]);
  EXPECT_OK(shoal_open(NULL, &options, &own));
  if (own == NULL || shoal_fd(own, &fd) != SHOAL_OK) exit(1);
  EXPECT(send_descriptor(&socket_place, fd));
  peer_introduce(own);
  char line[TEST_LINE_BYTES];
  // A process that answers while it lives, so that it is known to live.
  while (test_hear(line)) test_say("still %s", line);
  EXPECT_OK(shoal_close(own));
}

static void expect_still_there(struct peer *peer) {
  (void)test_child_send(&peer->child, "here");
  EXPECT(test_child_expect(&peer->child, "still here"));
}

static void a_process_that_passed_its_descriptor_on_dies_with_itself_alone(void) {
  struct place place;
  struct peer owner = {0};
  shoal_heap *heap = NULL;
  place_choose(&place, PLACE_NAMED);
  int in = listen_at(&place);
  ASSERT(peer_hire(&owner, "give_away", &place));
  int fd = receive_descriptor(in);
  int again = dup(fd);
  ASSERT_OK(shoal_open_fd(fd, NULL, &heap));
  EXPECT_EQ(0, close(fd));
  EXPECT_EQ(2, shl_process_count(heap->region));
  EXPECT(!peer_is_dead(heap, &owner));
  expect_still_there(&owner);
  test_child_kill(&owner.child);
  // We still have a duplicate of the dead one's descriptor.
  EXPECT(peer_is_dead(heap, &owner));
  EXPECT_EQ(1, shl_process_count(heap->region));
  place_expect_works(heap);
  EXPECT_EQ(0, close(again));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, close(in));
}

// Classic locks of a process go when it closes any descriptor of the file.
static void open_and_close_the_object(int argc, char **argv) {
  struct place own_place;
  int fd = -1;
  shoal_heap *own = peer_enter(argc, argv);
  place_read(&own_place, argv[0], argv[1]);
  for (unsigned i = 0; i < 3; i++) {
    int again = place_open_object(&own_place);
    EXPECT_OK(shoal_fd(own, &fd));
    int copy = dup(fd);
    EXPECT(close(copy) == 0 && close(again) == 0 && close(fd) == 0);
  }
  test_say("closed");
  peer_stay();
}

static void a_process_that_closed_other_descriptors_of_the_object_is_alive(void) {
  struct place place;
  struct peer peer = {0};
  shoal_heap *heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(peer_hire(&peer, "open_and_close_the_object", &place));
  ASSERT(test_child_expect(&peer.child, "closed"));
  EXPECT(!peer_is_dead(heap, &peer));
  test_child_kill(&peer.child);
  EXPECT(peer_is_dead(heap, &peer));
  EXPECT_OK(shoal_close(heap));
}

// As on a kernel whose mappings do not hold the file they were made of.
static void *map_without_holding(void *address, size_t bytes, int protection, int flags, int fd,
                                 int64_t offset) {
  bool is_lock_page = fd >= 0 && bytes == LOCK_PAGE_BYTES && protection == PROT_NONE;
  if (!is_lock_page) return mmap(address, bytes, protection, flags, fd, offset);
  return mmap(address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void live_on_a_kernel_that_holds_nothing(int argc, char **argv) {
  static struct shl_syscalls table;
  table = shl_system_calls;
  table.mmap = map_without_holding;
  shl_sys = &table;
  shoal_heap *own = peer_enter(argc, argv);
  EXPECT_LE(0, own->region->private_part->liveness.fd);
  test_await("close");
  int fd = own->region->private_part->liveness.fd;
  EXPECT_OK(shoal_close(own));
  EXPECT_EQ(-1, fcntl(fd, F_GETFD));
  EXPECT_EQ(EBADF, errno);
  test_say("closed");
  test_await("end");
}

static void where_no_mapping_holds_the_lock_the_descriptor_does(void) {
  struct place place;
  struct peer killed = {0}, closed = {0};
  shoal_heap *heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(-1, heap->region->private_part->liveness.fd);
  ASSERT(peer_hire(&killed, "live_on_a_kernel_that_holds_nothing", &place));
  ASSERT(peer_hire(&closed, "live_on_a_kernel_that_holds_nothing", &place));
  EXPECT(!peer_is_dead(heap, &killed));
  EXPECT(!peer_is_dead(heap, &closed));
  test_child_kill(&killed.child);
  EXPECT(peer_is_dead(heap, &killed));
  ASSERT(test_child_send(&closed.child, "close"));
  ASSERT(test_child_expect(&closed.child, "closed"));
  EXPECT(peer_is_dead(heap, &closed));
  ASSERT(test_child_send(&closed.child, "end"));
  test_child_finish(&closed.child);
  EXPECT_OK(shoal_close(heap));
}

SUITE(liveness_descriptor, TEST(a_process_that_passed_its_descriptor_on_dies_with_itself_alone),
      TEST(a_process_that_closed_other_descriptors_of_the_object_is_alive),
      TEST(where_no_mapping_holds_the_lock_the_descriptor_does), ROLE(give_away),
      ROLE(open_and_close_the_object), ROLE(live_on_a_kernel_that_holds_nothing))
