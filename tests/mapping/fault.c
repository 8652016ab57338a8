// SPDX-License-Identifier: MIT
#include "tests/mapping/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mapping/linux/syscall.h"
#include "tests/mapping/ranges.h"

enum { VARIANTS_MAX = 5, DESCRIPTORS_MAX = 4096 };

// What a call is called and which codes it gives; those that pass by themselves stand last, behind
// the `lasting` ones that may stay.
struct call_facts {
  const char *name;
  unsigned lasting;
  int codes[VARIANTS_MAX];
};

static const struct call_facts facts[FAULT_CALLS] = {
    [FAULT_OPEN] = {"open", 3, {EMFILE, EACCES, ENOMEM, EINTR}},
    [FAULT_CLOSE] = {"close", 1, {EIO, EINTR}},
    [FAULT_MEMFD] = {"memfd", 2, {EMFILE, ENOMEM}},
    [FAULT_FSTAT] = {"fstat", 1, {EIO}},
    [FAULT_LSTAT] = {"lstat", 1, {ENOMEM}},
    [FAULT_FSTATFS] = {"fstatfs", 1, {EIO}},
    [FAULT_FCHMOD] = {"fchmod", 2, {EPERM, EIO}},
    [FAULT_FTRUNCATE] = {"ftruncate", 3, {ENOSPC, EFBIG, EIO, EINTR}},
    [FAULT_FALLOCATE] = {"fallocate", 3, {ENOSPC, EOPNOTSUPP, EIO, EINTR}},
    [FAULT_FDATASYNC] = {"fdatasync", 2, {ENOSPC, EIO, EINTR}},
    [FAULT_UNLINK] = {"unlink", 2, {EACCES, EIO}},
    [FAULT_READLINK] = {"readlink", 2, {ENOMEM, FAULT_SHORT}},
    [FAULT_GETCWD] = {"getcwd", 1, {ENOENT}},
    [FAULT_PREAD] = {"pread", 2, {EIO, FAULT_SHORT, EINTR}},
    [FAULT_SET_LOCK] = {"set_lock", 1, {ENOLCK, EAGAIN, EINTR}},
    [FAULT_GET_LOCK] = {"get_lock", 1, {ENOLCK, EINTR}},
    [FAULT_SEAL] = {"seal", 1, {EPERM}},
    [FAULT_SEALS] = {"seals", 1, {EINVAL}},
    [FAULT_DUPLICATE] = {"duplicate", 1, {EMFILE}},
    [FAULT_MMAP] = {"mmap", 2, {ENOMEM, EPERM, EAGAIN}},
    [FAULT_MUNMAP] = {"munmap", 1, {ENOMEM}},
    [FAULT_MPROTECT] = {"mprotect", 1, {ENOMEM}},
    [FAULT_MADVISE] = {"madvise", 2, {ENOMEM, EINVAL, EINTR}},
    [FAULT_MSYNC] = {"msync", 2, {EIO, ENOMEM, EINTR}},
    [FAULT_GETRLIMIT] = {"getrlimit", 1, {EPERM}},
    [FAULT_GETRANDOM] = {"getrandom", 2, {ENOSYS, FAULT_SHORT, EINTR}},
    [FAULT_TGKILL] = {"tgkill", 1, {EPERM}},
    [FAULT_UNAME] = {"uname", 1, {EFAULT}},
    [FAULT_MONOTONIC] = {"clock_gettime", 1, {EINVAL}},
    [FAULT_NANOSLEEP] = {"nanosleep", 1, {EINVAL, EINTR}},
    [FAULT_ATFORK] = {"pthread_atfork", 1, {ENOMEM}},
    [FAULT_KEY_CREATE] = {"pthread_key_create", 2, {EAGAIN, ENOMEM}},
    [FAULT_KEY_SET] = {"pthread_setspecific", 1, {ENOMEM}},
};

static struct fault_plan plan;
static bool is_paused;
static uint64_t counts[FAULT_CALLS + 1];  // the last one: all
static uint64_t strikes[FAULT_CALLS + 1];
static enum fault_call struck;
static int struck_code;
static bool descriptors[DESCRIPTORS_MAX];
static struct ranges mapped;
static struct ranges excused;

void fault_install(void) {
  is_paused = false;
  fault_arm(&(struct fault_plan){.at = 0});
  memset(descriptors, 0, sizeof descriptors);
  ranges_clear(&mapped);
  ranges_clear(&excused);
  shl_sys = &fault_table;
}

void fault_remove(void) {
  shl_sys = &shl_system_calls;
}

void fault_arm(const struct fault_plan *wanted) {
  plan = *wanted;
  memset(counts, 0, sizeof counts);
  memset(strikes, 0, sizeof strikes);
}

void fault_disarm(void) {
  plan.at = 0;
}

void fault_pause(bool paused) {
  is_paused = paused;
}

uint64_t fault_calls(void) {
  return counts[FAULT_ANY];
}

uint64_t fault_calls_of(enum fault_call call) {
  return counts[call];
}

uint64_t fault_strikes(void) {
  return strikes[FAULT_ANY];
}

uint64_t fault_strikes_of(enum fault_call call) {
  return strikes[call];
}

enum fault_call fault_struck(void) {
  return struck;
}

int fault_code(void) {
  return struck_code;
}

const char *fault_name(enum fault_call call) {
  return call < FAULT_CALLS ? facts[call].name : "any call";
}

unsigned fault_variants(enum fault_call call, bool sticky) {
  if (sticky) return facts[call].lasting;
  unsigned count = 0;
  while (count < VARIANTS_MAX && facts[call].codes[count] != 0) count++;
  return count;
}

static int code_of(enum fault_call call) {
  if (plan.code != 0) return plan.code;
  unsigned variants = fault_variants(call, plan.sticky);
  if (variants == 0) abort();  // a plan for a call that has no way to fail
  return facts[call].codes[plan.variant % variants];
}

bool fault_strikes_now(enum fault_call call) {
  if (is_paused) return false;
  counts[call]++;
  counts[FAULT_ANY]++;
  bool concerned = plan.at != 0 && (plan.call == FAULT_ANY || plan.call == call);
  if (!concerned || counts[plan.call] < plan.at) return false;
  if (counts[plan.call] > plan.at && !plan.sticky) return false;
  strikes[call]++;
  strikes[FAULT_ANY]++;
  struck = call;
  if (plan.signal_number != 0) {
    (void)raise(plan.signal_number);
    return false;
  }
  struck_code = code_of(call);
  errno = struck_code;
  return true;
}

bool fault_strikes_bytes(enum fault_call call, size_t *bytes) {
  if (!fault_strikes_now(call)) return false;
  if (struck_code != FAULT_SHORT) return true;
  *bytes = (*bytes + 1) / 2;
  return false;
}

void fault_note_descriptor(int fd, bool held) {
  if (fd >= 0 && fd < DESCRIPTORS_MAX) descriptors[fd] = held;
}

void fault_note_mapping(const void *address, size_t bytes, bool held) {
  uint64_t begin = (uint64_t)(uintptr_t)address;
  ranges_remove(&excused, begin, begin + bytes);
  if (held) {
    ranges_add(&mapped, begin, begin + bytes);
  } else {
    ranges_remove(&mapped, begin, begin + bytes);
  }
}

void fault_excuse_mapping(const void *address, size_t bytes) {
  uint64_t begin = (uint64_t)(uintptr_t)address;
  ranges_add(&excused, begin, begin + bytes);
}

size_t fault_held_descriptors(void) {
  size_t count = 0;
  for (size_t i = 0; i < DESCRIPTORS_MAX; i++) count += descriptors[i];
  return count;
}

uint64_t fault_held_bytes(void) {
  return ranges_bytes(&mapped) - ranges_bytes(&excused);
}

void fault_forgive(void) {
  for (size_t i = 0; i < excused.count; i++) {
    uint64_t begin = excused.items[i].begin, end = excused.items[i].end;
    (void)munmap((void *)(uintptr_t)begin, end - begin);
    ranges_remove(&mapped, begin, end);
  }
  ranges_clear(&excused);
  for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
    if (descriptors[fd]) (void)close(fd);
    descriptors[fd] = false;
  }
}
