// SPDX-License-Identifier: MIT
// Goal: what opening, closing and naming a region do, as one process sees it.
// Method: plain regions, NAMED for what a name means, PRIVATE and MEMFD where they differ.
#define _GNU_SOURCE
#include "mapping/region.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/plain.h"

static char name[TEST_NAME_BYTES];
static struct shl_region *region;

static void begin(void) {
  plain_reset();
  region = NULL;
  (void)test_unique_name(name);
}

static bool has_name(void) {
  char path[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  struct stat status;
  return stat(strcat(path, name), &status) == 0;
}

static shoal_status open_nameless(shoal_kind kind, unsigned flags, struct shl_region **out) {
  shoal_options options = plain_options(flags);
  options.kind = kind;
  return plain_open(NULL, -1, &options, out);
}

static void create_makes_what_is_not_there(void) {
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, 0, &region));
  EXPECT(!has_name());
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  EXPECT(region->created);
  EXPECT(has_name());
  EXPECT_EQ(PLAIN_CAPACITY, region->capacity);
  EXPECT_EQ(SHOAL_KIND_NAMED, region->kind);
  EXPECT_EQ(1, region->opens);
  EXPECT_EQ(1, region->incarnation);
  EXPECT_EQ(1, plain_calls.tables);
  EXPECT_EQ(1, plain_calls.plans);
  EXPECT_EQ(1, plain_calls.formats);
  EXPECT_EQ(0, plain_calls.attaches);
  EXPECT_OK(plain_close(region));
  EXPECT(!has_name());
}

// The superblock is whole when the magic is there.
static void a_new_region_has_a_whole_superblock(void) {
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  const struct shl_superblock_rec *header = region->superblock;
  EXPECT_EQ(SHL_MAGIC_FORMING, plain_calls.magic);
  EXPECT_EQ(SHL_MAGIC_READY, shl_load_relaxed_u64(&header->magic));
  EXPECT_EQ((uintptr_t)region->base, header->base);
  EXPECT_EQ(PLAIN_CAPACITY, header->capacity);
  EXPECT_EQ(PLAIN_PROCESSES, header->max_processes);
  EXPECT_EQ(PLAIN_DATA_OFFSET, header->data_offset);
  EXPECT_EQ(2, header->area_count);
  EXPECT_EQ(SHL_AREA_PROCESS, header->areas[0].kind);
  EXPECT_EQ(SHL_PAGE_BYTES, header->areas[0].offset);
  EXPECT_EQ(SHL_AREA_DATA, header->areas[1].kind);
  EXPECT_EQ(0600, header->mode);
  EXPECT_EQ(0, header->compat | header->ro_compat | header->incompat);
  uint8_t none[16] = {0};
  EXPECT(memcmp(none, header->uuid, sizeof none) != 0);
  EXPECT_EQ(header->capacity, region->header.capacity);
  EXPECT_OK(plain_close(region));
}

static void create_finds_what_is_there_and_exclusive_refuses_it(void) {
  struct shl_region *second = NULL;
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE | SHOAL_EXCLUSIVE, &region));
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &second));
  EXPECT_OK(plain_close(second));
  EXPECT_STATUS(SHOAL_E_EXISTS, plain_open_name(name, SHOAL_CREATE | SHOAL_EXCLUSIVE, &second));
  EXPECT_OK(plain_close(region));
}

static void the_same_region_opened_twice_is_one_handle(void) {
  struct shl_region *second = NULL, *third = NULL;
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  ASSERT_OK(plain_open_name(name, 0, &second));
  EXPECT_EQ(region, second);
  EXPECT_EQ(2, region->opens);
  EXPECT_EQ(1, shl_process_count(region));
  EXPECT_EQ(0, plain_calls.attaches);
  EXPECT_OK(plain_close(second));
  EXPECT_EQ(0, plain_calls.lasts);
  region->base[PLAIN_DATA_OFFSET] = 0;
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &third));
  EXPECT_EQ(region, third);
  EXPECT_OK(plain_close(third));
  EXPECT_OK(plain_close(region));
  EXPECT_EQ(1, plain_calls.lasts);
}

static void a_process_has_a_region_for_writing_or_for_reading(void) {
  struct shl_region *second = NULL;
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  EXPECT_STATUS(SHOAL_E_BUSY, plain_open_name(name, SHOAL_READ_ONLY, &second));
  EXPECT_OK(plain_close(region));
}

static void unlinking_leaves_the_region_to_those_who_have_it(void) {
  struct shl_region *second = NULL;
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  ASSERT_OK(shl_region_unlink(name));
  EXPECT(!has_name());
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, 0, &second));
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &second));
  EXPECT_NE(region, second);
  EXPECT(second->created);
  EXPECT_NE(region->base, second->base);
  EXPECT(memcmp(region->header.uuid, second->header.uuid, 16) != 0);
  ASSERT_OK(shl_region_commit(region, PLAIN_DATA_OFFSET, SHL_PAGE_BYTES));
  ASSERT_OK(shl_region_commit(second, PLAIN_DATA_OFFSET, SHL_PAGE_BYTES));
  region->base[PLAIN_DATA_OFFSET] = 1;
  EXPECT_EQ(0, second->base[PLAIN_DATA_OFFSET]);
  EXPECT_OK(plain_close(region));
  EXPECT(has_name());
  EXPECT_OK(plain_close(second));
  EXPECT(!has_name());
}

static void unlinking_what_is_not_there_says_so(void) {
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shl_region_unlink(name));
  EXPECT_STATUS(SHOAL_E_NAME, shl_region_unlink(NULL));
  EXPECT_STATUS(SHOAL_E_NAME, shl_region_unlink(""));
}

static void persist_stays_until_it_is_unlinked(void) {
  shoal_options options = plain_options(SHOAL_CREATE);
  options.lifetime = SHOAL_LIFETIME_PERSIST;
  ASSERT_OK(plain_open(name, -1, &options, &region));
  EXPECT_OK(plain_close(region));
  EXPECT(has_name());
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  EXPECT(!region->created);
  EXPECT_EQ(1, plain_calls.attaches);
  EXPECT(plain_calls.all_dead);
  EXPECT_OK(shl_region_unlink(name));
  EXPECT_OK(plain_close(region));
}

static void private_memory_is_each_opens_own(void) {
  struct shl_region *second = NULL;
  ASSERT_OK(open_nameless(SHOAL_KIND_PRIVATE, SHOAL_CREATE, &region));
  ASSERT_OK(open_nameless(SHOAL_KIND_DEFAULT, SHOAL_CREATE, &second));
  EXPECT_NE(region->base, second->base);
  EXPECT_EQ(0, region->superblock->base);
  EXPECT_EQ(1, region->process);
  EXPECT_EQ(0, (uintptr_t)region->base % SHL_CHUNK_BYTES);
  region->base[PLAIN_DATA_OFFSET] = 7;
  EXPECT_EQ(0, second->base[PLAIN_DATA_OFFSET]);
  int fd = -1;
  EXPECT_STATUS(SHOAL_E_UNSUPPORTED, shl_region_fd(region, &fd));
  EXPECT_OK(shl_region_flush(region));
  EXPECT_OK(plain_close(region));
  EXPECT_OK(plain_close(second));
}

static void descriptors_open_the_region_behind_them(void) {
  struct shl_region *second = NULL;
  int fd = -1;
  ASSERT_OK(open_nameless(SHOAL_KIND_MEMFD, SHOAL_CREATE, &region));
  ASSERT_OK(shl_region_fd(region, &fd));
  EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
  shoal_options options = plain_options(0);
  ASSERT_OK(plain_open(NULL, fd, &options, &second));
  EXPECT_EQ(region, second);
  EXPECT_OK(plain_close(second));
  EXPECT_OK(plain_close(region));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open(NULL, fd, &options, &second));
  EXPECT_EQ(0, close(fd));
}

static void descriptors_of_other_things_are_refused(void) {
  int pipes[2];
  shoal_options options = plain_options(0);
  ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
  EXPECT_STATUS(SHOAL_E_KIND, plain_open(NULL, pipes[0], &options, &region));
  EXPECT_EQ(0, close(pipes[0]));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, plain_open(NULL, pipes[0], &options, &region));
  EXPECT_EQ(0, close(pipes[1]));
  int empty = memfd_create("other", MFD_CLOEXEC);
  EXPECT_EQ(0, fchmod(empty, 0600));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open(NULL, empty, &options, &region));
  EXPECT_EQ(5, write(empty, "other", 5));
  EXPECT_STATUS(SHOAL_E_CORRUPT, plain_open(NULL, empty, &options, &region));
  EXPECT_EQ(0, close(empty));
}

// An allocator that cannot take the region into use closes without a `last`: what it made goes.
static void a_region_that_was_made_in_vain_is_gone(void) {
  shoal_options options = plain_options(SHOAL_CREATE);
  options.lifetime = SHOAL_LIFETIME_PERSIST;
  ASSERT_OK(plain_open(name, -1, &options, &region));
  EXPECT_OK(shl_region_close(region, NULL));
  EXPECT(!has_name());
}

static void a_region_that_was_found_in_vain_stays(void) {
  shoal_options options = plain_options(SHOAL_CREATE);
  options.lifetime = SHOAL_LIFETIME_PERSIST;
  ASSERT_OK(plain_open(name, -1, &options, &region));
  EXPECT_OK(plain_close(region));
  ASSERT_OK(plain_open(name, -1, &options, &region));
  EXPECT_OK(shl_region_close(region, NULL));
  EXPECT(has_name());
  EXPECT_OK(shl_region_unlink(name));
}

SUITE(region, SET_UP(begin), TEST(create_makes_what_is_not_there),
      TEST(a_new_region_has_a_whole_superblock),
      TEST(create_finds_what_is_there_and_exclusive_refuses_it),
      TEST(the_same_region_opened_twice_is_one_handle),
      TEST(a_process_has_a_region_for_writing_or_for_reading),
      TEST(unlinking_leaves_the_region_to_those_who_have_it),
      TEST(unlinking_what_is_not_there_says_so), TEST(persist_stays_until_it_is_unlinked),
      TEST(private_memory_is_each_opens_own), TEST(descriptors_open_the_region_behind_them),
      TEST(descriptors_of_other_things_are_refused), TEST(a_region_that_was_made_in_vain_is_gone),
      TEST(a_region_that_was_found_in_vain_stays))
