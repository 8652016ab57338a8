// SPDX-License-Identifier: MIT
// Goal: descriptors lead to objects and say what they are; none but our own is ever closed.
// Method: objects opened by descriptor; numbers that the program has closed and used again.
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "mapping/linux/object_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"

static char path[FOLDER_PATH_BYTES];
static struct shl_object_spec spec;
static struct shl_object *object;

static void begin(void) {
  folder_make();
  spec = (struct shl_object_spec){.kind = SHOAL_KIND_FILE,
                                  .name = folder_path(path, "heap"),
                                  .fd = -1,
                                  .mode = 0600,
                                  .create = true};
  fault_install();
}

static void end(void) {
  EXPECT_EQ(0, fault_held_descriptors());
  fault_remove();
  folder_remove();
}

static void open_object(void) {
  ASSERT_OK(shl_object_open(&spec, &object));
}

static void descriptors_are_opened_anew_and_say_what_they_are(void) {
  int fd = -1;
  struct shl_object *second = NULL;
  open_object();
  ASSERT_OK(shl_object_duplicate(object, &fd));
  fault_note_descriptor(fd, false);
  spec = (struct shl_object_spec){.kind = SHOAL_KIND_FILE, .fd = fd, .mode = 0600};
  ASSERT_OK(shl_object_open(&spec, &second));
  EXPECT(shl_object_is_same(object, second));
  EXPECT_EQ(SHOAL_KIND_FILE, shl_object_kind(second));
  EXPECT_TEXT(path, second->path);
  EXPECT_NE(fd, second->fd);
  shl_object_close(second);
  ASSERT_OK(shl_object_unlink(object));
  ASSERT_OK(shl_object_open(&spec, &second));
  EXPECT_EQ(SHOAL_KIND_DEFAULT, shl_object_kind(second));
  EXPECT_TEXT("", second->path);
  shl_object_close(second);
  EXPECT_EQ(0, close(fd));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shl_object_open(&spec, &second));
  shl_object_close(object);
}

// An object of /dev/shm without its name is still no memfd, whose size would be safe.
static void a_nameless_object_of_shm_is_no_memfd(void) {
  char name[TEST_NAME_BYTES];
  int fd = -1;
  struct shl_object *second = NULL;
  spec.kind = SHOAL_KIND_NAMED;
  spec.name = test_unique_name(name);
  open_object();
  ASSERT_OK(shl_object_duplicate(object, &fd));
  fault_note_descriptor(fd, false);
  spec = (struct shl_object_spec){.kind = SHOAL_KIND_FILE, .fd = fd, .mode = 0600};
  ASSERT_OK(shl_object_open(&spec, &second));
  EXPECT_EQ(SHOAL_KIND_NAMED, shl_object_kind(second));
  shl_object_close(second);
  ASSERT_OK(shl_object_unlink(object));
  ASSERT_OK(shl_object_open(&spec, &second));
  EXPECT_EQ(SHOAL_KIND_NAMED, shl_object_kind(second));
  shl_object_close(second);
  shl_object_close(object);
  EXPECT_EQ(0, close(fd));
}

// A number that stands for something else by now is not ours to close.
static void closing_spares_a_descriptor_that_became_anothers(void) {
  open_object();
  int number = object->fd;
  ASSERT_EQ(0, close(number));
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(number, dup2(fd, number));
  if (fd != number) ASSERT_EQ(0, close(fd));
  EXPECT_EQ(-1, shl_object_held(object));
  shl_object_close(object);
  EXPECT_EQ(0, close(number));
  fault_note_descriptor(number, false);
}

// Nor is one by which the program itself has opened the object there.
static void closing_spares_the_programs_own_descriptor(void) {
  open_object();
  int number = object->fd;
  ASSERT_EQ(0, close(number));
  int held = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_NE(number, shl_object_descriptor(object));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(number, dup2(fd, number));
  shl_object_close(object);
  EXPECT_EQ(0, close(number));
  EXPECT_EQ(0, close(fd));
  if (held != number) EXPECT_EQ(0, close(held));
  fault_note_descriptor(number, false);
}

SUITE(object_descriptor, SET_UP(begin), TEAR_DOWN(end),
      TEST(descriptors_are_opened_anew_and_say_what_they_are),
      TEST(a_nameless_object_of_shm_is_no_memfd),
      TEST(closing_spares_a_descriptor_that_became_anothers),
      TEST(closing_spares_the_programs_own_descriptor))
