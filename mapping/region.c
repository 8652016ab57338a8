// SPDX-License-Identifier: MIT
// Regions open in this process: the registry, and the part of an open's and a close's life that is
// outside the gate.
//
// The registry is a list under a lock: the same object opened twice is the same region, counted. A
// forked child inherits list and mappings, but no liveness byte, so that what stands in the list as
// another process's is not open here: the child opens anew and shares the mapping, or replaces it
// where one of the two is READ_ONLY. The mapping goes with the first close that leaves no handle of
// the child's own; what it inherited has no memory from then on.
//
// Two copies of the library in one process have two registries and two process records. The second
// copy finds the mapping there and shares it; whoever finds no other record of the process left
// unmaps it.
#include "mapping/region.h"

#include <stdlib.h>

#include "base/fail.h"
#include "mapping/attach.h"
#include "mapping/name.h"
#include "mapping/os.h"
#include "mapping/process.h"
#include "mapping/region_part.h"

enum { RETRIES = 1000, GATE_MS = 2000 };

static struct shl_region *regions;
static shl_a32 regions_lock;

// Whether the region is a parent's, inherited by a fork.
static bool is_inherited(const struct shl_region *region) {
  return region->kind != SHOAL_KIND_PRIVATE && region->private_part->opener != shl_os_process();
}

static struct shl_region *find_open(const struct shl_object *object) {
  for (struct shl_region *region = regions; region != NULL; region = region->private_part->next) {
    const struct shl_region_private *part = region->private_part;
    bool is_shared = part->object != NULL && !is_inherited(region);
    if (is_shared && shl_object_is_same(part->object, object)) return region;
  }
  return NULL;
}

static void enlist(struct shl_region *region) {
  region->private_part->next = regions;
  regions = region;
}

static void delist(const struct shl_region *region) {
  struct shl_region **link = &regions;
  while (*link != NULL && *link != region) link = &(*link)->private_part->next;
  if (*link != NULL) *link = region->private_part->next;
}

// Unmaps the region in this process, for all handles of it.
static void unmap(struct shl_region *region) {
  const char *base = region->private_part->view.base;
  shl_view_unmap(&region->private_part->view);
  for (struct shl_region *other = regions; other != NULL; other = other->private_part->next) {
    struct shl_view *view = &other->private_part->view;
    if (view->base == base) *view = (struct shl_view){.base = NULL};
  }
}

// Lets the mapping go that this process inherited with `region`, unless a handle of its own has it.
// returns: whether it was unmapped.
static bool leave_inherited(struct shl_region *region) {
  struct shl_region_private *part = region->private_part;
  // Another copy of the library may have unmapped it, and something else be there.
  if (part->view.base == NULL || !shl_view_stands(part->object, &part->view)) return false;
  if (find_open(part->object) != NULL || shl_process_is_attached(region)) return false;
  unmap(region);
  return true;
}

// The same for all that was inherited of `object`, and is in the way of mapping it in another way.
static bool clear_inherited(const struct shl_object *object) {
  bool any = false;
  for (struct shl_region *region = regions; region != NULL; region = region->private_part->next) {
    const struct shl_object *theirs = region->private_part->object;
    bool same = theirs != NULL && shl_object_is_same(theirs, object);
    if (same && is_inherited(region) && leave_inherited(region)) any = true;
  }
  return any;
}

static struct shl_region *make_region(const struct shl_request *request,
                                      struct shl_object *object) {
  struct shl_region *region = calloc(1, sizeof *region);
  struct shl_region_private *part = calloc(1, sizeof *part);
  if (region == NULL || part == NULL) {
    free(region);
    free(part);
    return NULL;
  }
  *part = (struct shl_region_private){
      .object = object, .liveness = {.fd = -1}, .opener = shl_os_process()};
  *region = (struct shl_region){.is_dead = shl_process_is_dead,
                                .kind = request->kind,
                                .read_only = request->read_only,
                                .opens = 1,
                                .private_part = part};
  return region;
}

static void discard_region(struct shl_region *region) {
  shl_object_close(region->private_part->object);
  free(region->private_part);
  free(region);
}

// Another open of a region that is open here.
static shoal_status join_open(struct shl_region *region, const struct shl_request *request) {
  if (request->exclusive) return shl_fail(SHOAL_E_EXISTS, 0, "The region exists already.");
  if (region->read_only && !request->read_only) {
    return shl_fail(SHOAL_E_READ_ONLY, 0, "This process has the region open READ_ONLY already.");
  }
  if (!region->read_only && request->read_only) {
    return shl_fail(SHOAL_E_BUSY, 0, "This process has the region open for writing already.");
  }
  region->opens++;
  return SHOAL_OK;
}

static shoal_status open_once(const struct shl_request *request, const struct shl_format *format,
                              struct shl_region **out) {
  struct shl_object_spec spec = {.kind = request->kind,
                                 .name = request->name,
                                 .fd = request->fd,
                                 .mode = request->mode,
                                 .create = request->create,
                                 .read_only = request->read_only};
  struct shl_object *object = NULL;
  bool is_private = request->kind == SHOAL_KIND_PRIVATE;
  shoal_status status = is_private ? SHOAL_OK : shl_object_open(&spec, &object);
  if (status != SHOAL_OK) return status;
  struct shl_region *region = object != NULL ? find_open(object) : NULL;
  if (region != NULL) {
    shl_object_close(object);
    *out = region;
    return join_open(region, request);
  }
  region = make_region(request, object);
  if (region == NULL) {
    shl_object_close(object);
    return shl_fail(SHOAL_E_NO_SPACE, 0, "No memory for a handle.");
  }
  struct shl_attach attach = {.request = request, .format = format, .region = region};
  status = is_private ? shl_attach_private(&attach) : shl_attach(&attach);
  if (status == SHOAL_E_ADDRESS && object != NULL && clear_inherited(object)) {
    status = SHOAL_E_STALE;
  }
  if (status != SHOAL_OK) {
    discard_region(region);
    return status;
  }
  enlist(region);
  *out = region;
  return SHOAL_OK;
}

shoal_status shl_region_open(const char *name, int fd, const shoal_options *options,
                             const struct shl_format *format, struct shl_region **out) {
  struct shl_request request;
  shoal_status status = shl_request_read(name, fd, options, &request);
  if (status != SHOAL_OK) return status;
  if (!shl_os_watch_forks()) {
    return shl_fail(SHOAL_E_NO_SPACE, 0, "The system has no memory for a fork handler.");
  }
  shl_os_lock(&regions_lock);
  status = SHOAL_E_STALE;
  for (unsigned i = 0; i < RETRIES && status == SHOAL_E_STALE; i++) {
    status = open_once(&request, format, out);
  }
  shl_os_unlock(&regions_lock);
  if (status != SHOAL_E_STALE) return status;
  return shl_fail(SHOAL_E_BUSY, 0, "Others removed and made the region anew %d times.", RETRIES);
}

// Unmaps unless another copy of the library goes on in this process, and says goodbye.
static void leave(struct shl_region *region) {
  struct shl_region_private *part = region->private_part;
  bool is_writer = region->process != 0;
  bool stays = is_writer && part->object != NULL && shl_process_is_attached_twice(region);
  if (is_writer) shl_process_leave(region);
  if (!stays) unmap(region);
  shl_liveness_drop(&part->liveness);
}

// The last process out removes the name of a LAST_DETACH region, and of any that was made in vain.
// Not knowing better (the gate kept by others, a failing call) it stays, for the next opener to
// find it stale.
static void close_attached(struct shl_region *region, bool in_vain) {
  struct shl_object *object = region->private_part->object;
  bool may_remove = region->header.lifetime == SHOAL_LIFETIME_LAST_DETACH || in_vain;
  bool in_gate = object != NULL &&
                 shl_object_enter_gate(object, region->read_only, GATE_MS) == SHOAL_OK;
  leave(region);
  if (in_gate && may_remove && !region->read_only && !shl_liveness_is_any_held(object)) {
    (void)shl_object_unlink(object);
  }
}

shoal_status shl_region_close(struct shl_region *region, void (*last)(struct shl_region *region)) {
  shl_os_lock(&regions_lock);
  if (--region->opens > 0) {
    shl_os_unlock(&regions_lock);
    return SHOAL_OK;
  }
  delist(region);
  if (last != NULL) last(region);
  bool in_vain = last == NULL && region->created;
  if (is_inherited(region)) {
    (void)leave_inherited(region);
  } else {
    close_attached(region, in_vain);
  }
  discard_region(region);
  shl_os_unlock(&regions_lock);
  return SHOAL_OK;
}

static shoal_status judge_unlink(struct shl_object *object) {
  unsigned char page[SHL_PAGE_BYTES];
  shoal_status status = shl_object_check_name(object);
  if (status == SHOAL_E_STALE) {
    return shl_fail(SHOAL_E_NOT_FOUND, 0, "Another process removed the region meanwhile.");
  }
  if (status == SHOAL_OK) status = shl_object_read(object, page, sizeof page);
  if (status != SHOAL_OK) return status;
  if (shl_superblock_state(page) == SHL_SUPERBLOCK_FOREIGN) {
    return shl_fail(SHOAL_E_KIND, 0, "The object is no region of shoal; it stays.");
  }
  return shl_object_unlink(object);
}

shoal_status shl_region_unlink(const char *name) {
  struct shl_object_spec spec = {.name = name, .fd = -1, .mode = 0666};
  struct shl_object *object = NULL;
  if (name == NULL) return shl_fail(SHOAL_E_NAME, 0, "The name is null.");
  shoal_status status = shl_name_check(name, SHOAL_KIND_DEFAULT, &spec.kind);
  if (status == SHOAL_OK) status = shl_object_open(&spec, &object);
  if (status != SHOAL_OK) return status;
  status = shl_object_enter_gate(object, false, GATE_MS);
  if (status == SHOAL_OK) status = judge_unlink(object);
  shl_object_close(object);
  return status;
}

shoal_status shl_region_fd(struct shl_region *region, int *out) {
  const struct shl_object *object = region->private_part->object;
  if (object != NULL) return shl_object_duplicate(object, out);
  return shl_fail(SHOAL_E_UNSUPPORTED, 0, "A PRIVATE heap has no descriptor.");
}

shoal_status shl_region_flush(struct shl_region *region) {
  if (region->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "The heap was opened READ_ONLY.");
  return shl_view_flush(region->private_part->object, &region->private_part->view);
}

shoal_status shl_region_commit(struct shl_region *region, uint64_t offset, uint64_t bytes) {
  struct shl_region_private *part = region->private_part;
  return shl_view_commit(part->object, &part->view, offset, bytes);
}

shoal_status shl_region_give_back(struct shl_region *region, uint64_t offset, uint64_t bytes) {
  struct shl_region_private *part = region->private_part;
  return shl_view_give_back(part->object, &part->view, offset, bytes);
}
