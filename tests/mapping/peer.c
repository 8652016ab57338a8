// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/mapping/peer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/handle.h"
#include "mapping/object.h"
#include "mapping/region_part.h"
#include "tests/harness/harness.h"

bool peer_hear(struct peer *peer) {
  char line[TEST_LINE_BYTES];
  if (!test_child_receive(&peer->child, line)) return false;
  int read = sscanf(line, "here %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64, &peer->process,
                    &peer->generation, &peer->pid, &peer->start_time);
  if (read != 4) FAIL("a peer said \"%s\"", line);
  return read == 4;
}

bool peer_hire(struct peer *peer, const char *role, const struct place *place) {
  char kind[2] = {(char)('0' + place->kind), '\0'};
  const char *arguments[] = {kind, place->name, NULL};
  return test_spawn(&peer->child, role, arguments) && peer_hear(peer);
}

bool peer_has_stopped(const struct peer *peer) {
  siginfo_t info = {.si_code = 0};
  int result;
  do {
    result = waitid(P_PID, (id_t)peer->child.id, &info, WSTOPPED | WEXITED | WNOWAIT);
  } while (result != 0 && errno == EINTR);
  return result == 0 && info.si_code == CLD_STOPPED;
}

bool peer_stop(struct peer *peer) {
  test_child_signal(&peer->child, SIGSTOP);
  bool stands = peer_has_stopped(peer);
  if (!stands) FAIL("peer %d ended instead of standing still", peer->child.id);
  return stands;
}

void peer_introduce(const shoal_heap *heap) {
  const struct shl_region *region = heap->region;
  test_say("here %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64, region->process,
           region->process_generation, shl_identity_process(), shl_identity_process_start());
}

shoal_heap *peer_enter(int argc, char **argv) {
  struct place place;
  shoal_heap *heap = NULL;
  if (argc < 2) exit(3);
  place_read(&place, argv[0], argv[1]);
  EXPECT_OK(place_open(&place, SHOAL_CREATE, &heap));
  if (heap == NULL) exit(1);
  peer_introduce(heap);
  return heap;
}

void peer_stay(void) {
  for (;;) (void)pause();
}

bool peer_is_dead(const shoal_heap *heap, const struct peer *peer) {
  const struct shl_region *region = heap->region;
  bool dead = shl_process_is_dead(region, peer->process, peer->generation);
  bool held = shl_liveness_is_held(region->private_part->object, peer->process, peer->pid,
                                   peer->start_time);
  EXPECT_EQ(dead, !held);
  return dead;
}

struct shl_process_rec *peer_record(const shoal_heap *heap, const struct peer *peer) {
  const struct shl_superblock_rec *header = &heap->region->header;
  const struct shl_area_rec *area = shl_superblock_area(header, SHL_AREA_PROCESS);
  return (struct shl_process_rec *)(void *)(heap->region->base + area->offset) +
         (peer->process - 1);
}
