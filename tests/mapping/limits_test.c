// SPDX-License-Identifier: MIT
// Goal: a process's limits are errors that name them, and cost nothing that was there.
// Method: roles that lower a limit for themselves alone. A role that a signal ends fails the test.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "mapping/superblock.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/belongings.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 16 << 20, KINDS = 4 };

static const shoal_kind kinds[KINDS] = {SHOAL_KIND_NAMED, SHOAL_KIND_FILE, SHOAL_KIND_MEMFD,
                                        SHOAL_KIND_PRIVATE};
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

// The names come from the test, which looks for what the role leaves.
static void play_role(const char *role) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, role, (const char *const[]){path, name, NULL}));
  test_child_finish(&child);
  EXPECT_EQ(0, folder_count());
  char object[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  EXPECT_EQ(-1, folder_size(strcat(object, name)));
}

static void take_names(char **argv) {
  (void)strncpy(path, argv[0], sizeof path - 1);
  (void)strncpy(name, argv[1], sizeof name - 1);
}

static shoal_status open_kind(shoal_kind kind, unsigned flags) {
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  const char *called = kind == SHOAL_KIND_FILE ? path : name;
  bool nameless = kind == SHOAL_KIND_MEMFD || kind == SHOAL_KIND_PRIVATE;
  return shoal_open(nameless ? NULL : called, &options, &heap);
}

static void close_and_remove(shoal_kind kind) {
  EXPECT_OK(shoal_close(heap));
  if (kind == SHOAL_KIND_FILE) EXPECT_OK(shoal_unlink(path));
}

static bool has_name(shoal_kind kind) {
  struct stat status;
  char object[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  if (kind == SHOAL_KIND_FILE) return stat(path, &status) == 0;
  return kind == SHOAL_KIND_NAMED && stat(strcat(object, name), &status) == 0;
}

static void limit(int resource, rlim_t most) {
  struct rlimit value;
  ASSERT_EQ(0, getrlimit((__rlimit_resource_t)resource, &value));
  value.rlim_cur = most < value.rlim_max ? most : value.rlim_max;
  ASSERT_EQ(0, setrlimit((__rlimit_resource_t)resource, &value));
}

static void lift(int resource) {
  limit(resource, RLIM_INFINITY);
}

static void expect_refused(shoal_kind kind, shoal_status expected, const char *in_text) {
  struct belongings before = belongings_count();
  EXPECT_STATUS(expected, open_kind(kind, SHOAL_CREATE));
  if (strstr(shoal_status_text(expected), in_text) == NULL) {
    FAIL("no %s in: %s", in_text, shoal_status_text(expected));
  }
  belongings_expect(before, in_text);
  EXPECT(!has_name(kind));
}

// SIGXFSZ would end the role.
static void have_small_files(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    limit(RLIMIT_FSIZE, SHL_PAGE_BYTES);
    if (kinds[i] != SHOAL_KIND_PRIVATE) {
      expect_refused(kinds[i], SHOAL_E_NO_SPACE, "RLIMIT_FSIZE");
      EXPECT_EQ(EFBIG, shoal_os_code());
    }
    limit(RLIMIT_FSIZE, CAPACITY);
    ASSERT_OK(open_kind(kinds[i], SHOAL_CREATE));
    limit(RLIMIT_FSIZE, SHL_PAGE_BYTES);
    shoal_off off = shoal_alloc(heap, 3 << 20, 0);
    EXPECT_NE(0, off);
    if (off != 0) memset(shoal_ptr(heap, off), 1, 3 << 20);
    EXPECT_OK(shoal_flush(heap));
    EXPECT_OK(shoal_free_offset(heap, off));
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    EXPECT_OK(shoal_check(heap, NULL, NULL));
    close_and_remove(kinds[i]);
    lift(RLIMIT_FSIZE);
  }
}

static void a_limit_on_files_is_told_before_it_kills(void) {
  play_role("have_small_files");
}

static rlim_t used_addresses(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL || fscanf(file, "%lu", &pages) != 1) pages = 0;
  if (file != NULL) (void)fclose(file);
  return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void have_few_addresses(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  take_names(argv);
  rlim_t used = used_addresses();
  if (used > (rlim_t)1 << 40) {
    test_say("skip");
    return;
  }
  test_say("go on");
  for (unsigned i = 0; i < KINDS; i++) {
    limit(RLIMIT_AS, used + CAPACITY / 2);
    expect_refused(kinds[i], SHOAL_E_NO_SPACE, "RLIMIT_AS");
    EXPECT_EQ(ENOMEM, shoal_os_code());
    lift(RLIMIT_AS);
    ASSERT_OK(open_kind(kinds[i], SHOAL_CREATE));
    limit(RLIMIT_AS, used);
    shoal_off off = shoal_alloc(heap, 3 << 20, 0);
    EXPECT_NE(0, off);
    EXPECT_OK(shoal_free_offset(heap, off));
    lift(RLIMIT_AS);
    close_and_remove(kinds[i]);
  }
}

static void a_limit_on_addresses_is_told(void) {
  if (test_in_memcheck()) SKIP("memcheck needs more addresses than that");
  struct test_child child = {.runs = false};
  char line[TEST_LINE_BYTES];
  ASSERT(test_spawn(&child, "have_few_addresses", (const char *const[]){path, name, NULL}));
  ASSERT(test_child_receive(&child, line));
  test_child_finish(&child);
  if (strcmp(line, "skip") == 0) SKIP("a sanitizer has taken more addresses than any limit");
}

// The lowest number that is free.
static int next_descriptor(void) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  (void)close(fd);
  return fd;
}

// Allows `more` descriptors beyond those that are open.
static void allow(int more) {
  limit(RLIMIT_NOFILE, (rlim_t)next_descriptor() + (rlim_t)more);
}

// With one descriptor more each time until it is enough: nothing is left of the attempts.
static void have_few_descriptors(int argc, char **argv) {
  enum { MOST = 8 };
  ASSERT_EQ(2, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    int more = 0;
    for (; more <= MOST; more++) {
      allow(more);
      shoal_status status = open_kind(kinds[i], SHOAL_CREATE);
      lift(RLIMIT_NOFILE);
      if (status == SHOAL_OK) break;
      EXPECT_STATUS(SHOAL_E_LIMIT, status);
      EXPECT_EQ(EMFILE, shoal_os_code());
      EXPECT(!has_name(kinds[i]));
    }
    EXPECT_LE(kinds[i] == SHOAL_KIND_PRIVATE ? 0 : 2, more);
    EXPECT_LE(more, kinds[i] == SHOAL_KIND_PRIVATE ? 0 : 4);
    EXPECT(shoal_created(heap));
    close_and_remove(kinds[i]);
  }
}

static void a_limit_on_descriptors_is_told_and_leaves_no_name(void) {
  if (test_in_memcheck()) SKIP("memcheck has its own limit of descriptors");
  play_role("have_few_descriptors");
}

// Once open a heap needs no further descriptor: it works, closes and goes.
static void have_no_descriptor(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    int fd = -1;
    ASSERT_OK(open_kind(kinds[i], SHOAL_CREATE));
    allow(0);
    shoal_off off = shoal_alloc(heap, 3 << 20, 0);
    EXPECT_NE(0, off);
    EXPECT_OK(shoal_free_offset(heap, off));
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    EXPECT_OK(shoal_flush(heap));
    EXPECT_OK(shoal_check(heap, NULL, NULL));
    bool is_private = kinds[i] == SHOAL_KIND_PRIVATE;
    EXPECT_STATUS(is_private ? SHOAL_E_UNSUPPORTED : SHOAL_E_LIMIT, shoal_fd(heap, &fd));
    lift(RLIMIT_NOFILE);
    close_and_remove(kinds[i]);
    EXPECT(!has_name(kinds[i]));
  }
}

static void a_heap_that_is_open_needs_no_further_descriptor(void) {
  play_role("have_no_descriptor");
}

// A close without one cannot enter the gate: the name stays, and the next opener finds it stale.
static void close_without_descriptor(int argc, char **argv) {
  struct belongings before = belongings_count();
  ASSERT_EQ(2, argc);
  take_names(argv);
  ASSERT_OK(open_kind(SHOAL_KIND_NAMED, SHOAL_CREATE));
  allow(0);
  EXPECT_OK(shoal_close(heap));
  lift(RLIMIT_NOFILE);
  belongings_expect(before, "after the close");
  EXPECT(has_name(SHOAL_KIND_NAMED));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, open_kind(SHOAL_KIND_NAMED, 0));
  EXPECT(!has_name(SHOAL_KIND_NAMED));
}

static void a_close_without_a_descriptor_leaves_the_name_to_the_next(void) {
  play_role("close_without_descriptor");
}

// With one mapping more each time until it is enough: vm.max_map_count.
static void have_few_mappings(int argc, char **argv) {
  enum { MOST = 200000, ENOUGH = 64, BYTES = 4096 };
  static void *pages[MOST];
  unsigned count = 0, refused = 0;
  ASSERT_EQ(2, argc);
  take_names(argv);
  for (; count < MOST; count++) {  // of two kinds in turn, or the kernel would make them one
    int protection = count % 2 == 0 ? PROT_NONE : PROT_READ;
    pages[count] = mmap(NULL, BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages[count] == MAP_FAILED) break;
  }
  test_say(count == MOST ? "skip" : "go on");
  for (unsigned i = 0; i < KINDS && count < MOST; i++) {
    shoal_status status;
    while ((status = open_kind(kinds[i], SHOAL_CREATE)) != SHOAL_OK && refused++ < ENOUGH) {
      EXPECT_STATUS(SHOAL_E_NO_SPACE, status);
      EXPECT(!has_name(kinds[i]));
      EXPECT_EQ(0, munmap(pages[--count], BYTES));
    }
    ASSERT_OK(status);
    close_and_remove(kinds[i]);
  }
  EXPECT(count == MOST || refused > 0);
}

static void a_limit_on_mappings_is_told(void) {
  struct test_child child = {.runs = false};
  char line[TEST_LINE_BYTES];
  if (test_rounds(2) < 2) SKIP("a sanitizer maps memory of its own");
  ASSERT(test_spawn(&child, "have_few_mappings", (const char *const[]){path, name, NULL}));
  ASSERT(test_child_receive(&child, line));
  test_child_finish(&child);
  if (strcmp(line, "skip") == 0) SKIP("this system allows more mappings than are tried");
}

// Everything this process could reserve. Private to it.
struct reserved {
  void *begin;
  size_t bytes;
};

static struct reserved reserved[4096];
static unsigned reserved_count;

static void *reserve(size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
}

// Leaves no room as large as a heap, but one for this program itself.
static void use_up_addresses(void) {
  enum { SPARE = CAPACITY / 4 };
  char *spare = reserve(3 * (size_t)SPARE);
  ASSERT(spare != MAP_FAILED);
  reserved_count = 0;
  for (size_t bytes = (size_t)1 << 46; bytes >= CAPACITY; bytes /= 2) {
    void *begin;
    while ((begin = reserve(bytes)) != MAP_FAILED) {
      ASSERT(reserved_count < sizeof reserved / sizeof reserved[0] - 2);
      reserved[reserved_count++] = (struct reserved){begin, bytes};
    }
    ASSERT_EQ(ENOMEM, errno);
  }
  ASSERT_EQ(0, munmap(spare + SPARE, SPARE));
  reserved[reserved_count++] = (struct reserved){spare, SPARE};
  reserved[reserved_count++] = (struct reserved){spare + 2 * (size_t)SPARE, SPARE};
}

static void give_addresses_back(void) {
  for (; reserved_count > 0; reserved_count--) {
    const struct reserved *last = &reserved[reserved_count - 1];
    EXPECT_EQ(0, munmap(last->begin, last->bytes));
  }
}

static void have_no_addresses(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    bool is_private = kinds[i] == SHOAL_KIND_PRIVATE;
    use_up_addresses();
    expect_refused(kinds[i], is_private ? SHOAL_E_NO_SPACE : SHOAL_E_ADDRESS,
                   is_private ? "No room for 16777216 bytes of addresses" : "No window of");
    give_addresses_back();
    ASSERT_OK(open_kind(kinds[i], SHOAL_CREATE));
    EXPECT(shoal_created(heap));
    shoal_off off = shoal_alloc(heap, 3 << 20, 0);
    EXPECT_NE(0, off);
    EXPECT_OK(shoal_free_offset(heap, off));
    close_and_remove(kinds[i]);
  }
}

static void used_up_addresses_are_told_and_nothing_is_left(void) {
  if (test_in_memcheck()) SKIP("memcheck keeps addresses of its own free");
  play_role("have_no_addresses");
}

// The heap of others is what it was, and is attached to once there is room.
static void attach_without_addresses(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  take_names(argv);
  struct belongings before = belongings_count();
  use_up_addresses();
  EXPECT_STATUS(SHOAL_E_ADDRESS, open_kind(SHOAL_KIND_NAMED, 0));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ADDRESS), "private memory") != NULL);
  belongings_expect(before, "without addresses");
  give_addresses_back();
  EXPECT(has_name(SHOAL_KIND_NAMED));
  ASSERT_OK(open_kind(SHOAL_KIND_NAMED, 0));
  EXPECT(!shoal_created(heap));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static void who_attaches_with_used_up_addresses_disturbs_nobody(void) {
  struct test_child child = {.runs = false};
  if (test_in_memcheck()) SKIP("memcheck keeps addresses of its own free");
  ASSERT_OK(open_kind(SHOAL_KIND_NAMED, SHOAL_CREATE));
  ASSERT(test_spawn(&child, "attach_without_addresses", (const char *const[]){path, name, NULL}));
  test_child_finish(&child);
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(1, stats.processes);
  EXPECT_OK(shoal_close(heap));
}

SUITE(limits, SET_UP(begin), TEAR_DOWN(end), ROLE(have_small_files), ROLE(have_few_addresses),
      ROLE(have_few_descriptors), ROLE(have_no_descriptor), ROLE(close_without_descriptor),
      ROLE(have_few_mappings), ROLE(have_no_addresses), ROLE(attach_without_addresses),
      TEST(a_limit_on_mappings_is_told), TEST(used_up_addresses_are_told_and_nothing_is_left),
      TEST(who_attaches_with_used_up_addresses_disturbs_nobody),
      TEST(a_limit_on_files_is_told_before_it_kills), TEST(a_limit_on_addresses_is_told),
      TEST(a_limit_on_descriptors_is_told_and_leaves_no_name),
      TEST(a_heap_that_is_open_needs_no_further_descriptor),
      TEST(a_close_without_a_descriptor_leaves_the_name_to_the_next))
