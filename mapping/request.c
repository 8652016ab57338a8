// SPDX-License-Identifier: MIT
// From the arguments of an open to a request without open questions, before any system call.
#include "mapping/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/align.h"
#include "base/fail.h"
#include "mapping/name.h"
#include "mapping/superblock.h"

enum {
  KNOWN_FLAGS = SHOAL_CREATE | SHOAL_EXCLUSIVE | SHOAL_READ_ONLY | SHOAL_RELOCATABLE | SHOAL_ADOPT,
  MODE_DEFAULT = 0600,
  MODE_MOST = 0666
};

// A smaller struct is an older program's: its missing members are zero.
static shoal_status read_options(const shoal_options *options, shoal_options *out) {
  *out = (shoal_options){.size = sizeof *out};
  if (options == NULL) return SHOAL_OK;
  if (options->size < offsetof(shoal_options, capacity) || options->size > sizeof *options) {
    return shl_fail(SHOAL_E_ARGUMENT, 0,
                    "options.size is %zu, this library knows up to %zu: set it to "
                    "sizeof(shoal_options).",
                    options->size, sizeof *options);
  }
  memcpy(out, options, options->size);
  return SHOAL_OK;
}

static shoal_status check_flags(unsigned flags) {
  if ((flags & ~(unsigned)KNOWN_FLAGS) != 0) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "options.flags %#x has unknown bits.", flags);
  }
  bool creates = (flags & SHOAL_CREATE) != 0;
  if ((flags & SHOAL_EXCLUSIVE) != 0 && !creates) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "SHOAL_EXCLUSIVE goes with SHOAL_CREATE.");
  }
  if ((flags & SHOAL_READ_ONLY) != 0 && (flags & (SHOAL_CREATE | SHOAL_ADOPT)) != 0) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "SHOAL_READ_ONLY excludes SHOAL_CREATE and SHOAL_ADOPT.");
  }
  return SHOAL_OK;
}

static shoal_status check_capacity(struct shl_request *request) {
  uint64_t asked = request->options.capacity;
  if (asked == 0) asked = SHL_CAPACITY_DEFAULT;
  if (asked < SHL_CAPACITY_MIN || asked > SHL_CAPACITY_MAX) {
    return shl_fail(SHOAL_E_SIZE, 0, "A capacity of %llu bytes: 4 MiB to 4 TiB are possible.",
                    (unsigned long long)asked);
  }
  request->capacity = shl_align_up(asked, SHL_CHUNK_BYTES);
  request->limit_bytes = request->options.limit_bytes;
  return SHOAL_OK;
}

// The base that the user wants: options.base, or SHOAL_BASE of the environment.
static shoal_status check_base(struct shl_request *request) {
  const char *text = getenv("SHOAL_BASE");
  request->base = request->options.base;
  if (request->base == 0 && text != NULL && text[0] != '\0') {
    char *end = NULL;
    request->base = strtoull(text, &end, 0);
    if (*end != '\0') {
      return shl_fail(SHOAL_E_ARGUMENT, 0, "SHOAL_BASE '%.64s' is no address.", text);
    }
  }
  uint64_t base = request->base;
  bool fits = base >= SHL_ADDRESS_MIN && base < SHL_ADDRESS_MAX &&
              request->capacity <= SHL_ADDRESS_MAX - base;
  if (base == 0 || (fits && shl_is_aligned(base, SHL_CHUNK_BYTES))) return SHOAL_OK;
  return shl_fail(SHOAL_E_ARGUMENT, 0,
                  "A base of 0x%llx: it must be 2 MiB aligned, and the region must end below "
                  "0x%llx.",
                  (unsigned long long)base, (unsigned long long)SHL_ADDRESS_MAX);
}

static shoal_status check_lifetime(struct shl_request *request) {
  shoal_lifetime asked = request->options.lifetime;
  bool is_file = request->kind == SHOAL_KIND_FILE;
  if (asked == SHOAL_LIFETIME_DEFAULT) {
    asked = is_file ? SHOAL_LIFETIME_PERSIST : SHOAL_LIFETIME_LAST_DETACH;
  }
  request->lifetime = asked;
  if (asked != SHOAL_LIFETIME_LAST_DETACH && asked != SHOAL_LIFETIME_PERSIST) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "%d is no shoal_lifetime.", (int)asked);
  }
  if (is_file && asked != SHOAL_LIFETIME_PERSIST) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "A FILE stays: SHOAL_LIFETIME_PERSIST.");
  }
  bool nameless = request->kind == SHOAL_KIND_MEMFD || request->kind == SHOAL_KIND_PRIVATE;
  if (nameless && asked == SHOAL_LIFETIME_PERSIST) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "A region without a name cannot stay: LAST_DETACH.");
  }
  return SHOAL_OK;
}

static shoal_status check_mode(struct shl_request *request) {
  unsigned mode = request->options.mode;
  request->mode = mode != 0 ? mode : MODE_DEFAULT;
  if ((request->mode & ~(unsigned)MODE_MOST) == 0 && (request->mode & 0600) == 0600) {
    return SHOAL_OK;
  }
  return shl_fail(SHOAL_E_ARGUMENT, 0,
                  "options.mode %#o: read and write bits are possible, the owner needs both.",
                  mode);
}

static shoal_status check_kind(struct shl_request *request) {
  if (request->fd >= 0) {
    request->kind = SHOAL_KIND_FILE;
    if (!request->create && !request->exclusive) return SHOAL_OK;
    return shl_fail(SHOAL_E_ARGUMENT, 0, "A descriptor names what exists: no SHOAL_CREATE.");
  }
  shoal_status status = shl_name_check(request->name, request->options.kind, &request->kind);
  if (status != SHOAL_OK) return status;
  if (request->name == NULL && !request->create) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "A region without a name can only be created.");
  }
  return SHOAL_OK;
}

shoal_status shl_request_read(const char *name, int fd, const shoal_options *options,
                              struct shl_request *out) {
  *out = (struct shl_request){.name = name, .fd = fd};
  shoal_status status = read_options(options, &out->options);
  if (status == SHOAL_OK) status = check_flags(out->options.flags);
  if (status != SHOAL_OK) return status;
  unsigned flags = out->options.flags;
  out->create = (flags & SHOAL_CREATE) != 0;
  out->exclusive = (flags & SHOAL_EXCLUSIVE) != 0;
  out->read_only = (flags & SHOAL_READ_ONLY) != 0;
  out->relocatable = (flags & SHOAL_RELOCATABLE) != 0;
  out->adopt = (flags & SHOAL_ADOPT) != 0;
  status = check_kind(out);
  if (status == SHOAL_OK) status = check_capacity(out);
  if (status == SHOAL_OK) status = check_base(out);
  if (status == SHOAL_OK) status = check_lifetime(out);
  if (status == SHOAL_OK) status = check_mode(out);
  return status;
}
