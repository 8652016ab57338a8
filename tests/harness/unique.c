// SPDX-License-Identifier: MIT
// Region names for tests, and the check that a test leaves none of its regions behind.
//
// A process id alone is not unique: Bazel's sandbox gives each test process ids of its own, while
// /dev/shm is common to all. So the name holds the suite, the id, the time and a counter.
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum { NAMES_MAX = 4096, OBJECT_BYTES = TEST_NAME_BYTES + 16 };

static char names[NAMES_MAX][TEST_NAME_BYTES];
static size_t name_count;

const char *test_unique_name(char name[TEST_NAME_BYTES]) {
  static unsigned counter;
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  unsigned long long stamp =
      (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
  (void)snprintf(name, TEST_NAME_BYTES, "test.%.24s.%d.%llx.%u", test_suite.name, (int)getpid(),
                 stamp, counter++);
  if (name_count < NAMES_MAX) memcpy(names[name_count++], name, TEST_NAME_BYTES);
  return name;
}

void test_names_sweep(void) {
  for (size_t i = 0; i < name_count; i++) {
    char object[OBJECT_BYTES];
    (void)snprintf(object, sizeof object, "/shoal.%.*s", TEST_NAME_BYTES, names[i]);
    if (shm_unlink(object) == 0) {
      test_fail(__FILE__, __LINE__, "the test left the region %s; removed", names[i]);
    }
  }
  name_count = 0;
}

bool test_in_memcheck(void) {
  return getenv("SHOAL_TEST_MEMCHECK") != NULL;
}

uint64_t test_rounds(uint64_t rounds) {
  const char *setting = getenv("SHOAL_TEST_SLOWDOWN");
  unsigned long slowdown = setting != NULL ? strtoul(setting, NULL, 10) : 1;
  if (slowdown < 2) return rounds;
  return rounds / slowdown > 0 ? rounds / slowdown : 1;
}
