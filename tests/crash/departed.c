// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "tests/crash/departed.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/hang.h"
#include "tests/harness/harness.h"

static _Noreturn void attach_and_die(const char *name, struct actor *out) {
  shoal_heap *heap = NULL;
  if (shoal_open(name, NULL, &heap) != SHOAL_OK) _exit(3);
  out->process = heap->region->process;
  out->generation = heap->region->process_generation;
  (void)kill(getpid(), SIGKILL);
  while (true) (void)pause();
}

struct actor departed_actor(shoal_heap *heap, const char *name) {
  struct actor actor = actor_of(heap, 0);
  struct actor *shared =
      mmap(NULL, sizeof actor, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT(shared != MAP_FAILED);
  if (shared == MAP_FAILED) return actor;
  pid_t process = fork();
  if (process == 0) attach_and_die(name, shared);
  if (process > 0) {
    EXPECT(!hang_await_one(process).hung);
    (void)waitpid(process, NULL, 0);
    actor.process = shared->process;
    actor.generation = shared->generation;
  }
  EXPECT_NE(0, actor.process);
  (void)munmap(shared, sizeof actor);
  return actor;
}
