// SPDX-License-Identifier: MIT
// What names regions can have: a word (NAMED), a path with a '/' (FILE), or none (MEMFD, PRIVATE).
#include "mapping/name.h"

#include <string.h>

#include "base/fail.h"

static bool is_word_byte(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

static shoal_status check_word(const char *name) {
  size_t length = strlen(name);
  if (length == 0) return shl_fail(SHOAL_E_NAME, 0, "The name is empty.");
  if (length > SHL_NAME_BYTES_MAX) {
    return shl_fail(SHOAL_E_NAME, 0, "The name is longer than %d bytes.", SHL_NAME_BYTES_MAX);
  }
  for (size_t i = 0; i < length; i++) {
    if (is_word_byte(name[i])) continue;
    return shl_fail(SHOAL_E_NAME, 0,
                    "Byte %zu of the name is 0x%02x; [A-Za-z0-9._-] are allowed, and a '/' makes "
                    "it the path of a FILE.",
                    i, (unsigned char)name[i]);
  }
  return SHOAL_OK;
}

static shoal_status check_path(const char *name) {
  size_t length = strlen(name);
  if (length > SHL_PATH_BYTES_MAX) {
    return shl_fail(SHOAL_E_NAME, 0, "The path is longer than %d bytes.", SHL_PATH_BYTES_MAX);
  }
  if (strchr(name, '/') == NULL) {
    return shl_fail(SHOAL_E_NAME, 0, "A FILE is named by a path with a '/': write ./%s.", name);
  }
  if (name[length - 1] == '/') {
    return shl_fail(SHOAL_E_NAME, 0, "The path %s ends with a '/'.", name);
  }
  return SHOAL_OK;
}

static shoal_kind kind_of(const char *name) {
  if (name == NULL) return SHOAL_KIND_PRIVATE;
  return strchr(name, '/') != NULL ? SHOAL_KIND_FILE : SHOAL_KIND_NAMED;
}

shoal_status shl_name_check(const char *name, shoal_kind kind, shoal_kind *out) {
  *out = kind == SHOAL_KIND_DEFAULT ? kind_of(name) : kind;
  switch (*out) {
    case SHOAL_KIND_NAMED:
    case SHOAL_KIND_FILE:
      if (name == NULL) return shl_fail(SHOAL_E_NAME, 0, "NAMED and FILE need a name.");
      return *out == SHOAL_KIND_NAMED ? check_word(name) : check_path(name);
    case SHOAL_KIND_MEMFD:
    case SHOAL_KIND_PRIVATE:
      if (name == NULL) return SHOAL_OK;
      return shl_fail(SHOAL_E_NAME, 0, "MEMFD and PRIVATE have no name; '%.64s' was given.", name);
    case SHOAL_KIND_DEFAULT: break;
  }
  return shl_fail(SHOAL_E_ARGUMENT, 0, "%d is no shoal_kind.", (int)kind);
}

uint64_t shl_name_hash(const void *text, size_t bytes) {
  const unsigned char *at = text;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
  return hash;
}
