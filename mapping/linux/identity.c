// SPDX-License-Identifier: MIT
// Who this machine, this boot of it and this process are.
//
// A machine without an id is known by its name. What cannot be asked for the moment (no descriptor
// is left, say) is a failure and never another identity: under a wrong one a new region would be
// foreign to all others, and those attached to an old one would be declared dead.
#define _GNU_SOURCE

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mapping/linux/object_part.h"
#include "mapping/linux/start_time.h"
#include "mapping/linux/syscall.h"

enum { TEXT_BYTES = 128 };

static uint64_t hash_text(const char *text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *text != '\0' && *text != '\n'; text++) {
    hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  }
  return hash;
}

// The text of a file that some systems do not have: "" there.
static shoal_status read_text(const char *path, char text[TEXT_BYTES]) {
  if (shl_sys_read_text(path, text, TEXT_BYTES) == 0) return SHOAL_OK;
  if (errno == ENOENT) return SHOAL_OK;
  return shl_object_failure(errno, "Reading", path);
}

static shoal_status read_host(uint64_t *out) {
  char text[TEXT_BYTES];
  struct utsname names;
  shoal_status status = read_text("/etc/machine-id", text);
  if (status != SHOAL_OK) return status;
  if (text[0] == '\0' && shl_sys->uname(&names) != 0) {
    return shl_object_failure(errno, "Asking for the name", "this machine");
  }
  *out = hash_text(text[0] == '\0' ? names.nodename : text);
  return SHOAL_OK;
}

static shoal_status read_boot(uint64_t out[2]) {
  static const char hex[] = "0123456789abcdef";
  char text[TEXT_BYTES];
  shoal_status status = read_text("/proc/sys/kernel/random/boot_id", text);
  if (status != SHOAL_OK) return status;
  unsigned digits = 0;
  for (const char *at = text; *at != '\0' && digits < 32; at++) {
    const char *found = strchr(hex, *at);
    if (found == NULL) continue;
    out[digits / 16] = out[digits / 16] << 4 | (uint64_t)(found - hex);
    digits++;
  }
  return SHOAL_OK;
}

shoal_status shl_identity_read(struct shl_identity *out) {
  *out = (struct shl_identity){.host = 0};
  shoal_status status = read_host(&out->host);
  return status == SHOAL_OK ? read_boot(out->boot) : status;
}

uint64_t shl_identity_process(void) {
  return (uint64_t)getpid();
}

uint64_t shl_identity_process_start(void) {
  return shl_start_time("/proc/self/stat");
}
