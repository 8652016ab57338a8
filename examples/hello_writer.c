// SPDX-License-Identifier: MIT
// Makes a heap in the file it is given and leaves two linked lines in it for hello_reader.
#include <shoal/shoal.h>
#include <stdio.h>

struct line_rec {
  shoal_off next;
  char text[24];
};

static shoal_status write_lines(shoal_heap *heap) {
  struct line_rec *last = shoal_malloc(heap, sizeof *last);
  struct line_rec *first = shoal_malloc(heap, sizeof *first);
  if (last == NULL || first == NULL) return SHOAL_E_NO_SPACE;
  *last = (struct line_rec){0, "and goodbye."};
  *first = (struct line_rec){shoal_offset(heap, last), "Hello from a process"};
  shoal_root root = {.off = shoal_offset(heap, first), .size = sizeof *first, .type_id = 1};
  return shoal_root_set(heap, "hello", &root);
}

int main(int argc, char **argv) {
  shoal_options options = {.size = sizeof options, .kind = SHOAL_KIND_FILE};
  options.flags = SHOAL_CREATE | SHOAL_EXCLUSIVE;
  options.capacity = 64 << 20;
  shoal_heap *heap = NULL;
  shoal_status status = shoal_open(argc > 1 ? argv[1] : "", &options, &heap);
  if (status == SHOAL_OK) status = write_lines(heap);
  if (status != SHOAL_OK) fprintf(stderr, "hello_writer: %s\n", shoal_status_text(status));
  shoal_close(heap);
  return status == SHOAL_OK ? 0 : 1;
}
