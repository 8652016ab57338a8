// SPDX-License-Identifier: MIT
// Who this machine, this boot of it and this process are.
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mapping/linux/syscall.h"
#include "mapping/linux/start_time.h"
#include "mapping/object.h"

enum { TEXT_BYTES = 128 };

static uint64_t hash_text(const char *text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *text != '\0' && *text != '\n'; text++) {
    hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  }
  return hash;
}

uint64_t shl_identity_host(void) {
  char text[TEXT_BYTES];
  struct utsname names;
  if (shl_sys_read_text("/etc/machine-id", text, sizeof text) != 0) return hash_text(text);
  return uname(&names) == 0 ? hash_text(names.nodename) : 0;
}

void shl_identity_boot(uint64_t out[2]) {
  char text[TEXT_BYTES];
  out[0] = 0;
  out[1] = 0;
  if (shl_sys_read_text("/proc/sys/kernel/random/boot_id", text, sizeof text) == 0) return;
  unsigned digits = 0;
  for (const char *at = text; *at != '\0' && digits < 32; at++) {
    const char *hex = "0123456789abcdef";
    const char *found = strchr(hex, *at);
    if (found == NULL) continue;
    out[digits / 16] = out[digits / 16] << 4 | (uint64_t)(found - hex);
    digits++;
  }
}

uint64_t shl_identity_process(void) {
  return (uint64_t)getpid();
}

uint64_t shl_identity_process_start(void) {
  return shl_start_time("/proc/self/stat");
}
