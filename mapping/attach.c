// SPDX-License-Identifier: MIT
// Opening under the gate.
//
//   the object is            CREATE                          no CREATE
//   no longer named          open the name again             open the name again
//   unformed                 format, READY last              NOT_FOUND
//   READY and stale          unlink, open the name again     unlink, NOT_FOUND
//   READY                    attach (EXCLUSIVE: EXISTS)      attach
//   anything else            CORRUPT, untouched              CORRUPT, untouched
//
// Unformed: all zero, or the forming magic. Whoever holds the gate formats it, whoever made it: its
// maker is dead, or waits for the gate behind us. Stale: LAST_DETACH and nobody holds a byte. A
// reader only shares the gate and so removes nothing.
//
// A crash before READY leaves an unformed object, which the next opener formats or does not find.
// After READY a dead creator is a dead process like any other. The own byte is taken before the
// gate is let go, so that nobody finds a region stale that is being opened.
#include "mapping/attach.h"

#include <stdio.h>
#include <string.h>

#include "base/align.h"
#include "base/fail.h"
#include "mapping/base.h"
#include "mapping/name.h"
#include "mapping/os.h"
#include "mapping/process.h"
#include "mapping/region_part.h"

enum { GATE_MS = 2000 };

static shoal_status map_at(struct shl_attach *attach, uint64_t base, uint64_t bytes) {
  struct shl_region_private *part = attach->region->private_part;
  struct shl_view_request request = {
      .base = base, .bytes = bytes, .read_only = attach->request->read_only};
  return shl_view_map(part->object, &request, &part->view);
}

// Maps a new region where it was asked to be, or in the first window that is free here.
static shoal_status map_new(struct shl_attach *attach,
                            const struct shl_superblock_rec *superblock) {
  const struct shl_request *request = attach->request;
  uint64_t bytes = superblock->capacity;
  if (request->base != 0) {
    shoal_status status = map_at(attach, request->base, bytes);
    if (status != SHOAL_E_ADDRESS || !request->relocatable) return status;
  }
  if (request->kind == SHOAL_KIND_PRIVATE) return map_at(attach, 0, bytes);
  uint64_t low, high;
  shl_view_range(&low, &high);
  uint64_t hash = request->name != NULL
                      ? shl_name_hash(request->name, strlen(request->name))
                      : shl_name_hash(superblock->uuid, sizeof superblock->uuid);
  struct shl_base_windows windows = shl_base_windows_of(low, high, bytes, hash);
  for (uint64_t i = 0; i < windows.count; i++) {
    shoal_status status = map_at(attach, shl_base_window(&windows, i), bytes);
    if (status != SHOAL_E_ADDRESS) return status;
  }
  return shl_fail(SHOAL_E_ADDRESS, 0,
                  "No window of %llu bytes is free among the addresses 0x%llx to 0x%llx.",
                  (unsigned long long)bytes, (unsigned long long)low, (unsigned long long)high);
}

static void place_processes(struct shl_superblock_rec *superblock) {
  uint64_t bytes = superblock->max_processes * (uint64_t)sizeof(struct shl_process_rec);
  superblock->areas[0] = (struct shl_area_rec){.offset = SHL_PAGE_BYTES,
                                               .bytes = bytes,
                                               .kind = SHL_AREA_PROCESS,
                                               .sharing = SHL_SHARING_MULTI};
  superblock->area_count = 1;
  superblock->metadata_bytes = SHL_PAGE_BYTES + shl_align_up(bytes, SHL_PAGE_BYTES);
}

// A superblock for what is asked, all but its base and magic.
static shoal_status plan_new(const struct shl_attach *attach, struct shl_superblock_rec *out) {
  const struct shl_request *request = attach->request;
  struct shl_identity ours = {.host = 0};
  bool is_private = request->kind == SHOAL_KIND_PRIVATE;
  shoal_status status = is_private ? SHOAL_OK : shl_identity_read(&ours);
  if (status != SHOAL_OK) return status;
  *out = (struct shl_superblock_rec){.version = SHL_FORMAT_VERSION,
                                     .header_bytes = sizeof *out,
                                     .incarnation = 1,
                                     .capacity = request->capacity,
                                     .limit_bytes = request->limit_bytes,
                                     .coherence_domain = 1,
                                     .page_bytes = SHL_PAGE_BYTES,
                                     .unit_bytes = SHL_UNIT_BYTES,
                                     .chunk_bytes = SHL_CHUNK_BYTES,
                                     .kind = (uint32_t)request->kind,
                                     .lifetime = (uint32_t)request->lifetime,
                                     .mode = request->mode,
                                     .host_id = ours.host};
  for (unsigned i = 0; i < 2; i++) shl_store_relaxed_u64(&out->boot_id[i], ours.boot[i]);
  shl_os_random(out->uuid, sizeof out->uuid);
  status = attach->format->tables(&request->options, out);
  if (status != SHOAL_OK) return status;
  place_processes(out);
  return attach->format->plan(out);
}

static void fill_region(struct shl_attach *attach, const struct shl_superblock_rec *superblock) {
  struct shl_region *region = attach->region;
  region->base = region->private_part->view.base;
  region->capacity = superblock->capacity;
  region->superblock = (struct shl_superblock_rec *)(void *)region->base;
  memcpy(&region->header, superblock, sizeof *superblock);
  region->incarnation = shl_load_relaxed_u64(&superblock->incarnation);
  region->kind = (shoal_kind)superblock->kind;
}

static shoal_status guard_gap(const struct shl_region *region,
                              const struct shl_superblock_rec *superblock) {
  uint64_t begin = shl_align_up(superblock->metadata_bytes, SHL_UNIT_BYTES);
  return shl_view_guard(&region->private_part->view, begin, superblock->data_offset - begin);
}

// Word by word, as everything that others may see is stored; the magic stays what it is.
static void store_superblock(const struct shl_region *region,
                             const struct shl_superblock_rec *superblock) {
  uint64_t words[sizeof *superblock / sizeof(uint64_t)];
  shl_a64 *to = &region->superblock->magic;
  memcpy(words, superblock, sizeof words);
  for (unsigned i = 1; i < sizeof words / sizeof words[0]; i++) {
    shl_store_relaxed_u64(&to[i], words[i]);
  }
}

// Fills the mapped, empty object and publishes it.
static shoal_status format_view(struct shl_attach *attach, struct shl_superblock_rec *superblock) {
  struct shl_region *region = attach->region;
  struct shl_area_rec processes = superblock->areas[0];
  shoal_status status = shl_region_commit(
      region, 0, shl_align_up(processes.offset + processes.bytes, SHL_PAGE_BYTES));
  if (status != SHOAL_OK) return status;
  shl_store_release_u64(&region->superblock->magic, SHL_MAGIC_FORMING);
  store_superblock(region, superblock);
  status = guard_gap(region, superblock);
  if (status == SHOAL_OK) status = attach->format->format(region);
  if (status == SHOAL_OK) status = shl_process_register(region);
  if (status != SHOAL_OK) return status;
  region->created = true;
  shl_store_seq_cst_u64(&region->superblock->magic, SHL_MAGIC_READY);
  return SHOAL_OK;
}

void shl_attach_undo(struct shl_region *region) {
  struct shl_region_private *part = region->private_part;
  bool shared = part->view.shared;
  if (!shared) shl_view_unmap(&part->view);
  shl_liveness_drop(&part->liveness);
}

static shoal_status create(struct shl_attach *attach) {
  struct shl_object *object = attach->region->private_part->object;
  struct shl_superblock_rec superblock;
  shoal_status status = plan_new(attach, &superblock);
  if (status == SHOAL_OK && object != NULL) {
    status = shl_object_clear(object, superblock.capacity, attach->request->mode);
  }
  if (status != SHOAL_OK) return status;
  status = map_new(attach, &superblock);
  if (status == SHOAL_OK) {
    bool is_private = attach->request->kind == SHOAL_KIND_PRIVATE;
    char *base = attach->region->private_part->view.base;
    superblock.base = is_private ? 0 : (uint64_t)(uintptr_t)base;
    fill_region(attach, &superblock);
    status = format_view(attach, &superblock);
    if (status != SHOAL_OK) shl_attach_undo(attach->region);
  }
  if (status != SHOAL_OK && object != NULL) shl_object_unclear(object);
  return status;
}

shoal_status shl_attach_private(struct shl_attach *attach) {
  return create(attach);
}

// Areas as this library would lay them out, compared with those that stand in the header.
static shoal_status test_areas(const struct shl_attach *attach,
                               const struct shl_superblock_rec *superblock) {
  struct shl_superblock_rec planned = *superblock;
  memset(planned.areas, 0, sizeof planned.areas);
  place_processes(&planned);
  shoal_status status = attach->format->plan(&planned);
  if (status == SHOAL_E_SIZE) {
    return shl_fail(SHOAL_E_CORRUPT, 0, "The header's tables do not fit its capacity.");
  }
  if (status != SHOAL_OK) return status;
  if (planned.layout_hash != superblock->layout_hash) {
    return shl_fail(SHOAL_E_VERSION, 0, "The region's structures have other sizes than ours.");
  }
  bool same = planned.area_count == superblock->area_count &&
              planned.metadata_bytes == superblock->metadata_bytes &&
              planned.data_offset == superblock->data_offset &&
              memcmp(planned.areas, superblock->areas, sizeof planned.areas) == 0;
  if (same) return SHOAL_OK;
  return shl_fail(SHOAL_E_CORRUPT, 0, "The header's area table contradicts its sizes.");
}

static shoal_status test_kind(const struct shl_attach *attach,
                              const struct shl_superblock_rec *superblock) {
  shoal_kind found = shl_object_kind(attach->region->private_part->object);
  bool fits_both = found == SHOAL_KIND_DEFAULT && (superblock->kind == SHOAL_KIND_NAMED ||
                                                   superblock->kind == SHOAL_KIND_FILE);
  if (superblock->kind == (uint32_t)found || fits_both) return SHOAL_OK;
  return shl_fail(SHOAL_E_KIND, 0, "The region was made as kind %u, this is kind %u.",
                  superblock->kind, (unsigned)found);
}

// Whose kernel last wrote the region. Private to the process.
struct origin {
  struct shl_identity ours;
  bool other_host;
  bool other_boot;
};

// A boot that is not known, ours or theirs, is no other one: the bytes alone say who lives then.
static shoal_status find_origin(const struct shl_superblock_rec *superblock, struct origin *out) {
  *out = (struct origin){.other_host = false};
  shoal_status status = shl_identity_read(&out->ours);
  if (status != SHOAL_OK) return status;
  const uint64_t *ours = out->ours.boot;
  uint64_t theirs[2];
  for (unsigned i = 0; i < 2; i++) theirs[i] = shl_load_relaxed_u64(&superblock->boot_id[i]);
  bool known = (ours[0] | ours[1]) != 0 && (theirs[0] | theirs[1]) != 0;
  out->other_boot = known && (ours[0] != theirs[0] || ours[1] != theirs[1]);
  out->other_host = superblock->host_id != out->ours.host;
  return SHOAL_OK;
}

static shoal_status test_origin(const struct shl_attach *attach, const struct origin *origin,
                                bool alone) {
  const struct shl_request *request = attach->request;
  if (!origin->other_host || request->read_only) return SHOAL_OK;
  if (!request->adopt) {
    return shl_fail(SHOAL_E_FOREIGN_HOST, 0,
                    "Another host wrote the region. Where that host is surely done with it, "
                    "SHOAL_ADOPT takes it over.");
  }
  if (alone) return SHOAL_OK;
  return shl_fail(SHOAL_E_BUSY, 0, "SHOAL_ADOPT needs the region alone; others are attached.");
}

static void store_origin(struct shl_region *region, const struct origin *origin) {
  struct shl_superblock_rec *superblock = region->superblock;
  const uint64_t *boot = origin->ours.boot;
  if (origin->other_host) {
    shl_store_release_u64(&superblock->incarnation, ++region->incarnation);
    superblock->host_id = origin->ours.host;
  }
  if ((boot[0] | boot[1]) == 0) return;
  for (unsigned i = 0; i < 2; i++) {
    if (shl_load_relaxed_u64(&superblock->boot_id[i]) == boot[i]) continue;
    shl_store_release_u64(&superblock->boot_id[i], boot[i]);
  }
}

static shoal_status map_existing(struct shl_attach *attach,
                                 const struct shl_superblock_rec *superblock) {
  shoal_status status = map_at(attach, superblock->base, superblock->capacity);
  if (status == SHOAL_E_ADDRESS && attach->request->relocatable) {
    status = map_at(attach, 0, superblock->capacity);
    attach->region->relocated = status == SHOAL_OK;
  }
  return status;
}

// Makes this process one of those attached.
static shoal_status join(struct shl_attach *attach, const struct origin *origin, bool alone) {
  struct shl_region *region = attach->region;
  struct shl_region_private *part = region->private_part;
  if (attach->request->read_only) return shl_liveness_take(part->object, 0, &part->liveness);
  shoal_status status = shl_process_register(region);
  if (status != SHOAL_OK) return status;
  bool all_dead = alone || origin->other_boot || origin->other_host;
  status = attach->format->attach(region, all_dead);
  if (status == SHOAL_OK) {
    store_origin(region, origin);
  } else {
    shl_process_leave(region);
  }
  return status;
}

static shoal_status attach_ready(struct shl_attach *attach,
                                 const struct shl_superblock_rec *superblock, bool alone) {
  struct origin origin;
  shoal_status status = test_areas(attach, superblock);
  if (status == SHOAL_OK) status = find_origin(superblock, &origin);
  if (status == SHOAL_OK) status = test_origin(attach, &origin, alone);
  if (status == SHOAL_OK) status = map_existing(attach, superblock);
  if (status != SHOAL_OK) return status;
  fill_region(attach, superblock);
  status = guard_gap(attach->region, superblock);
  if (status == SHOAL_OK) status = join(attach, &origin, alone);
  if (status != SHOAL_OK) shl_attach_undo(attach->region);
  return status;
}

static shoal_status not_found(const char *why) {
  return shl_fail(SHOAL_E_NOT_FOUND, 0, "There is no region here: %s.", why);
}

static shoal_status judge_ready(struct shl_attach *attach, const unsigned char *page) {
  const struct shl_request *request = attach->request;
  struct shl_object *object = attach->region->private_part->object;
  struct shl_superblock_rec superblock;
  memcpy(&superblock, page, sizeof superblock);
  uint64_t bytes = 0;
  shoal_status status = shl_object_bytes(object, &bytes);
  if (status == SHOAL_OK) status = shl_superblock_test(&superblock, bytes, request->read_only);
  if (status == SHOAL_OK) status = test_kind(attach, &superblock);
  if (status != SHOAL_OK) return status;
  bool alone = !shl_liveness_is_any_held(object);
  if (alone && superblock.lifetime == SHOAL_LIFETIME_LAST_DETACH) {
    if (!request->read_only) status = shl_object_unlink(object);
    if (status != SHOAL_OK) return status;
    return request->create ? SHOAL_E_STALE : not_found("all processes that had it are gone");
  }
  if (request->exclusive) return shl_fail(SHOAL_E_EXISTS, 0, "The region exists already.");
  return attach_ready(attach, &superblock, alone);
}

static shoal_status judge(struct shl_attach *attach) {
  struct shl_object *object = attach->region->private_part->object;
  unsigned char page[SHL_PAGE_BYTES];
  shoal_status status = shl_object_check_name(object);
  if (status == SHOAL_OK) status = shl_object_read(object, page, sizeof page);
  if (status != SHOAL_OK) return status;
  switch (shl_superblock_state(page)) {
    case SHL_SUPERBLOCK_READY: return judge_ready(attach, page);
    case SHL_SUPERBLOCK_UNFORMED:
      return attach->request->create ? create(attach) : not_found("it was never finished");
    case SHL_SUPERBLOCK_FOREIGN: break;
  }
  return shl_fail(SHOAL_E_CORRUPT, 0, "The object is not empty and no region of shoal.");
}

shoal_status shl_attach(struct shl_attach *attach) {
  struct shl_object *object = attach->region->private_part->object;
  shoal_status status = shl_object_enter_gate(object, attach->request->read_only, GATE_MS);
  if (status == SHOAL_OK) {
    status = judge(attach);
    shl_object_leave_gate(object);
  }
  if (status != SHOAL_OK) shl_object_abandon(object);
  return status;
}
