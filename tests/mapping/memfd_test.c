// SPDX-License-Identifier: MIT
// Goal: a heap without a name goes from process to process by its descriptor, and nobody can cut it
// short; descriptors of named heaps do too.
// Method: a role that gets the descriptor over a unix socket, as programs pass them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 16 << 20, BLOCK_BYTES = 100 };

static char path[FOLDER_PATH_BYTES];
static char name[TEST_NAME_BYTES];
static shoal_heap *heap;

static void begin(void) {
  folder_make();
  (void)folder_path(path, "heap");
  (void)test_unique_name(name);
}

static void end(void) {
  folder_remove();
}

static void open_kind(shoal_kind kind) {
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  const char *called = kind == SHOAL_KIND_FILE ? path : name;
  ASSERT_OK(shoal_open(kind == SHOAL_KIND_MEMFD ? NULL : called, &options, &heap));
}

// A name of the abstract kind, which is gone with its socket.
static socklen_t address_of(struct sockaddr_un *address, const char *of) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s", of);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_descriptor(int socket_fd, int fd) {
  char byte = 'd';
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union control control = {.bytes = {0}};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket_fd, &message, 0) == 1;
}

static int receive_descriptor(int socket_fd) {
  char byte;
  int fd = -1;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union control control;
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

// Allocates beside what the root names, frees that, and names its own block instead.
static void work_behind_descriptor(int fd, bool read_only) {
  shoal_options options = {.size = sizeof options, .flags = read_only ? SHOAL_READ_ONLY : 0};
  shoal_root root;
  ASSERT_OK(shoal_open_fd(fd, &options, &heap));
  EXPECT(!shoal_created(heap));
  ASSERT_OK(shoal_root_get(heap, "root", &root));
  EXPECT_EQ('p', *(const char *)shoal_ptr(heap, root.off));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  if (!read_only) {
    EXPECT_EQ(2, shl_process_count(heap->region));
    EXPECT_OK(shoal_free_offset(heap, root.off));
    root.off = shoal_alloc(heap, BLOCK_BYTES, 0);
    memset(shoal_ptr(heap, root.off), 'c', BLOCK_BYTES);
    EXPECT_OK(shoal_root_set(heap, "root", &root));
  }
  EXPECT_OK(shoal_close(heap));
}

// A role: connects to the socket of its argument and works with what comes.
static void receive_and_work(int argc, char **argv) {
  struct sockaddr_un address;
  ASSERT_EQ(1, argc);
  int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = address_of(&address, argv[0]);
  ASSERT_EQ(0, connect(socket_fd, (const struct sockaddr *)&address, length));
  int fd = receive_descriptor(socket_fd);
  ASSERT(fd >= 0);
  work_behind_descriptor(fd, true);
  work_behind_descriptor(fd, false);
  EXPECT_EQ(0, close(fd));
  test_say("done");
}

static void pass_to_role(void) {
  struct test_child child = {.runs = false};
  struct sockaddr_un address;
  char called[TEST_NAME_BYTES];
  shoal_root root = {.off = shoal_alloc(heap, BLOCK_BYTES, 0), .type_id = 1};
  memset(shoal_ptr(heap, root.off), 'p', BLOCK_BYTES);
  ASSERT_OK(shoal_root_set(heap, "root", &root));
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
  socklen_t length = address_of(&address, test_unique_name(called));
  ASSERT_EQ(0, bind(listener, (const struct sockaddr *)&address, length));
  ASSERT_EQ(0, listen(listener, 1));
  ASSERT(test_spawn(&child, "receive_and_work", (const char *const[]){called, NULL}));
  int socket_fd = accept(listener, NULL, NULL);
  ASSERT_OK(shoal_fd(heap, &fd));
  EXPECT(send_descriptor(socket_fd, fd));
  EXPECT_EQ(0, close(fd));
  (void)test_child_expect(&child, "done");
  test_child_finish(&child);
  ASSERT_OK(shoal_root_get(heap, "root", &root));
  EXPECT_EQ('c', *(const char *)shoal_ptr(heap, root.off));
  EXPECT_OK(shoal_free_offset(heap, root.off));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_EQ(0, close(socket_fd));
  EXPECT_EQ(0, close(listener));
}

static void a_memfd_heap_is_passed_over_a_socket(void) {
  open_kind(SHOAL_KIND_MEMFD);
  pass_to_role();
  EXPECT_OK(shoal_close(heap));
}

static void descriptors_of_named_heaps_and_files_are_passed_too(void) {
  open_kind(SHOAL_KIND_NAMED);
  pass_to_role();
  EXPECT_OK(shoal_close(heap));
  open_kind(SHOAL_KIND_FILE);
  pass_to_role();
  EXPECT_OK(shoal_close(heap));
}

// Those who have the region may pass it on though its name is gone.
static void so_are_those_whose_names_are_gone(void) {
  open_kind(SHOAL_KIND_NAMED);
  ASSERT_OK(shoal_unlink(name));
  pass_to_role();
  EXPECT_OK(shoal_close(heap));
  open_kind(SHOAL_KIND_FILE);
  ASSERT_OK(shoal_unlink(path));
  pass_to_role();
  EXPECT_OK(shoal_close(heap));
}

// No holder of the descriptor can raise a SIGBUS in the others.
static void a_memfd_heap_cannot_be_cut_or_stretched(void) {
  int fd = -1;
  open_kind(SHOAL_KIND_MEMFD);
  ASSERT_OK(shoal_fd(heap, &fd));
  static const off_t sizes[] = {0, 4096, CAPACITY - 4096, CAPACITY + 4096};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    errno = 0;
    EXPECT_EQ(-1, ftruncate(fd, sizes[i]));
    EXPECT_EQ(EPERM, errno);
  }
  EXPECT_EQ(F_SEAL_SHRINK | F_SEAL_GROW, fcntl(fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW));
  struct stat status;
  ASSERT_EQ(0, fstat(fd, &status));
  EXPECT_EQ(CAPACITY, status.st_size);
  EXPECT_EQ(0600, status.st_mode & 0777);
  EXPECT_NE(0, shoal_alloc(heap, 3 << 20, SHOAL_ZERO));
  EXPECT_EQ(0, close(fd));
  EXPECT_OK(shoal_close(heap));
}

// An image in a memfd that can still be cut is not what its header says.
static void an_unsealed_copy_is_refused(void) {
  int fd = -1;
  static char bytes[1 << 20];
  open_kind(SHOAL_KIND_MEMFD);
  ASSERT_OK(shoal_fd(heap, &fd));
  int copy = memfd_create("shoal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(0, fchmod(copy, 0600));
  ASSERT_EQ(0, ftruncate(copy, CAPACITY));
  ASSERT_EQ((ssize_t)sizeof bytes, pread(fd, bytes, sizeof bytes, 0));
  ASSERT_EQ((ssize_t)sizeof bytes, pwrite(copy, bytes, sizeof bytes, 0));
  shoal_heap *second = NULL;
  shoal_status status = shoal_open_fd(copy, NULL, &second);
  EXPECT(status == SHOAL_E_KIND || status == SHOAL_E_NOT_FOUND);
  EXPECT_EQ(0, close(copy));
  EXPECT_EQ(0, close(fd));
  EXPECT_OK(shoal_close(heap));
}

static void what_is_no_region_is_refused(void) {
  shoal_heap *second = NULL;
  int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  EXPECT_STATUS(SHOAL_E_KIND, shoal_open_fd(folder, NULL, &second));
  EXPECT_EQ(0, close(folder));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_open_fd(folder, NULL, &second));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_open_fd(-1, NULL, &second));
  ASSERT(folder_write(path, "text", 4));
  int text = open(path, O_RDWR | O_CLOEXEC);
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_open_fd(text, NULL, &second));
  EXPECT_EQ(0, close(text));
  EXPECT_EQ(NULL, second);
}

SUITE(memfd, SET_UP(begin), TEAR_DOWN(end), ROLE(receive_and_work),
      TEST(a_memfd_heap_is_passed_over_a_socket),
      TEST(descriptors_of_named_heaps_and_files_are_passed_too),
      TEST(so_are_those_whose_names_are_gone), TEST(a_memfd_heap_cannot_be_cut_or_stretched),
      TEST(an_unsealed_copy_is_refused), TEST(what_is_no_region_is_refused))
