// SPDX-License-Identifier: MIT
// Goal: nobody changes what is stored without noticing. Method: every field's place and size, and
// every stored number, written out a second time.
#include <stddef.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/layout.h"
#include "alloc/pin.h"
#include "alloc/record.h"
#include "alloc/root.h"
#include "alloc/run.h"
#include "alloc/slot.h"
#include "alloc/tag.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"

struct frozen {
  const char *name;
  size_t found_offset;
  size_t found_bytes;
  size_t offset;
  size_t bytes;
};

#define FIELD(type, field, at, size) \
  { #type "." #field, offsetof(type, field), sizeof(((type *)0)->field), at, size }
#define WHOLE(type, size) \
  { #type, 0, sizeof(type), 0, size }

static const struct frozen frozen[] = {
    WHOLE(struct shl_heap_rec, 512),
    FIELD(struct shl_heap_rec, chunk_high_water, 0, 8),
    FIELD(struct shl_heap_rec, slot_high_water, 8, 8),
    FIELD(struct shl_heap_rec, committed_bytes, 16, 8),
    FIELD(struct shl_heap_rec, first_chunk, 24, 8),
    FIELD(struct shl_heap_rec, deaths, 32, 8),
    FIELD(struct shl_heap_rec, reserved, 40, 472),
    WHOLE(struct shl_root_rec, 64),
    FIELD(struct shl_root_rec, version, 0, 8),
    FIELD(struct shl_root_rec, off, 8, 8),
    FIELD(struct shl_root_rec, size, 16, 8),
    FIELD(struct shl_root_rec, type_id, 24, 8),
    FIELD(struct shl_root_rec, type_version, 32, 4),
    FIELD(struct shl_root_rec, flags, 36, 4),
    FIELD(struct shl_root_rec, name_hash, 40, 8),
    FIELD(struct shl_root_rec, generation, 48, 8),
    FIELD(struct shl_root_rec, check, 56, 8),
    WHOLE(struct shl_root_name_rec, 64),
    FIELD(struct shl_root_name_rec, bytes, 0, 64),
    WHOLE(struct shl_pin_rec, 32),
    FIELD(struct shl_pin_rec, op, 0, 8),
    FIELD(struct shl_pin_rec, process, 8, 8),
    FIELD(struct shl_pin_rec, first_chunk, 16, 8),
    FIELD(struct shl_pin_rec, chunk_count, 24, 8),
    WHOLE(struct shl_owner_rec, 640),
    FIELD(struct shl_owner_rec, word, 0, 8),
    FIELD(struct shl_owner_rec, thread, 8, 8),
    FIELD(struct shl_owner_rec, thread_start, 16, 8),
    FIELD(struct shl_owner_rec, pad0, 24, 40),
    FIELD(struct shl_owner_rec, hint_summary, 64, 8),
    FIELD(struct shl_owner_rec, pad1, 72, 56),
    FIELD(struct shl_owner_rec, hints, 128, 512),
    WHOLE(struct shl_hand_rec, 32),
    FIELD(struct shl_hand_rec, blocks, 0, 8),
    FIELD(struct shl_hand_rec, base, 8, 8),
    FIELD(struct shl_hand_rec, size, 16, 4),
    FIELD(struct shl_hand_rec, ref, 20, 4),
    FIELD(struct shl_hand_rec, head, 24, 4),
    FIELD(struct shl_hand_rec, reserved, 28, 4),
    WHOLE(struct shl_record_rec, 32),
    FIELD(struct shl_record_rec, op, 0, 8),
    FIELD(struct shl_record_rec, dest, 8, 8),
    FIELD(struct shl_record_rec, block, 16, 8),
    FIELD(struct shl_record_rec, second, 24, 8),
    WHOLE(struct shl_slot_rec, 4096),
    FIELD(struct shl_slot_rec, journal, 0, 8),
    FIELD(struct shl_slot_rec, record, 8, 32),
    FIELD(struct shl_slot_rec, pad0, 40, 24),
    FIELD(struct shl_slot_rec, reservations, 64, 256),
    FIELD(struct shl_slot_rec, cursor, 320, 4),
    FIELD(struct shl_slot_rec, pad1, 324, 60),
    FIELD(struct shl_slot_rec, hands, 384, 2336),
    FIELD(struct shl_slot_rec, tagged_heads, 2720, 296),
    FIELD(struct shl_slot_rec, unsettled, 3016, 8),
    FIELD(struct shl_slot_rec, reserved, 3024, 1072),
    WHOLE(union shl_desc_rec, 8),
    FIELD(union shl_desc_rec, word, 0, 8),
    FIELD(union shl_desc_rec, part.owner, 0, 2),
    FIELD(union shl_desc_rec, part.class_index, 2, 1),
    FIELD(union shl_desc_rec, part.pending, 3, 1),
    FIELD(union shl_desc_rec, part.back, 4, 1),
    FIELD(union shl_desc_rec, part.journalled, 5, 1),
    FIELD(union shl_desc_rec, part.pad, 6, 2),
    WHOLE(struct shl_chunk_rec, 128),
    FIELD(struct shl_chunk_rec, word, 0, 8),
    FIELD(struct shl_chunk_rec, dirty, 8, 4),
    FIELD(struct shl_chunk_rec, committed, 12, 4),
    FIELD(struct shl_chunk_rec, meta, 16, 2),
    FIELD(struct shl_chunk_rec, journalled, 18, 1),
    FIELD(struct shl_chunk_rec, stale, 19, 1),
    FIELD(struct shl_chunk_rec, pad0, 20, 4),
    FIELD(struct shl_chunk_rec, free_since, 24, 4),
    FIELD(struct shl_chunk_rec, pad1, 28, 4),
    FIELD(struct shl_chunk_rec, tag, 32, 8),
    FIELD(struct shl_chunk_rec, pad2, 40, 24),
    FIELD(struct shl_chunk_rec, remote_pages, 64, 64),
    WHOLE(struct shl_hot_rec, 640),
    FIELD(struct shl_hot_rec, state, 0, 1),
    FIELD(struct shl_hot_rec, pad0, 1, 7),
    FIELD(struct shl_hot_rec, prev, 8, 4),
    FIELD(struct shl_hot_rec, next, 12, 4),
    FIELD(struct shl_hot_rec, nonempty, 16, 8),
    FIELD(struct shl_hot_rec, free, 24, 512),
    FIELD(struct shl_hot_rec, pad1, 536, 104),
    WHOLE(struct shl_remote_rec, 512),
    FIELD(struct shl_remote_rec, freed, 0, 512),
    WHOLE(struct shl_run_rec, 4096),
    FIELD(struct shl_run_rec, pages, 0, 2048),
    FIELD(struct shl_run_rec, used, 2048, 64),
    FIELD(struct shl_run_rec, zero, 2112, 64),
    FIELD(struct shl_run_rec, reserved, 2176, 1920),
    WHOLE(struct shl_area_rec, 24),
    FIELD(struct shl_area_rec, offset, 0, 8),
    FIELD(struct shl_area_rec, bytes, 8, 8),
    FIELD(struct shl_area_rec, kind, 16, 4),
    FIELD(struct shl_area_rec, sharing, 20, 4),
    WHOLE(struct shl_superblock_rec, 576),
    FIELD(struct shl_superblock_rec, magic, 0, 8),
    FIELD(struct shl_superblock_rec, version, 8, 4),
    FIELD(struct shl_superblock_rec, header_bytes, 12, 4),
    FIELD(struct shl_superblock_rec, compat, 16, 8),
    FIELD(struct shl_superblock_rec, ro_compat, 24, 8),
    FIELD(struct shl_superblock_rec, incompat, 32, 8),
    FIELD(struct shl_superblock_rec, layout_hash, 40, 8),
    FIELD(struct shl_superblock_rec, uuid, 48, 16),
    FIELD(struct shl_superblock_rec, incarnation, 64, 8),
    FIELD(struct shl_superblock_rec, capacity, 72, 8),
    FIELD(struct shl_superblock_rec, base, 80, 8),
    FIELD(struct shl_superblock_rec, limit_bytes, 88, 8),
    FIELD(struct shl_superblock_rec, data_offset, 96, 8),
    FIELD(struct shl_superblock_rec, metadata_bytes, 104, 8),
    FIELD(struct shl_superblock_rec, coherence_domain, 112, 8),
    FIELD(struct shl_superblock_rec, page_bytes, 120, 4),
    FIELD(struct shl_superblock_rec, unit_bytes, 124, 4),
    FIELD(struct shl_superblock_rec, chunk_bytes, 128, 4),
    FIELD(struct shl_superblock_rec, kind, 132, 4),
    FIELD(struct shl_superblock_rec, lifetime, 136, 4),
    FIELD(struct shl_superblock_rec, mode, 140, 4),
    FIELD(struct shl_superblock_rec, max_processes, 144, 4),
    FIELD(struct shl_superblock_rec, max_slots, 148, 4),
    FIELD(struct shl_superblock_rec, max_roots, 152, 4),
    FIELD(struct shl_superblock_rec, max_pins, 156, 4),
    FIELD(struct shl_superblock_rec, host_id, 160, 8),
    FIELD(struct shl_superblock_rec, boot_id, 168, 16),
    FIELD(struct shl_superblock_rec, area_count, 184, 4),
    FIELD(struct shl_superblock_rec, reserved, 188, 4),
    FIELD(struct shl_superblock_rec, areas, 192, 384),
    WHOLE(struct shl_process_rec, 64),
    FIELD(struct shl_process_rec, word, 0, 8),
    FIELD(struct shl_process_rec, pid, 8, 8),
    FIELD(struct shl_process_rec, start_time, 16, 8),
    FIELD(struct shl_process_rec, reserved, 24, 40),
};

static void stored_fields_are_where_they_were(void) {
  for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
    const struct frozen *field = &frozen[i];
    if (field->found_offset == field->offset && field->found_bytes == field->bytes) continue;
    FAIL("%s is at %zu, %zu bytes; stored heaps have it at %zu, %zu bytes", field->name,
         field->found_offset, field->found_bytes, field->offset, field->bytes);
  }
}

static void stored_numbers_are_what_they_were(void) {
  EXPECT_EQ(UINT64_C(0x31304c414f485321), SHL_MAGIC_READY);
  EXPECT_EQ(UINT64_C(0x474e494d52464853), SHL_MAGIC_FORMING);
  EXPECT_EQ(1, SHL_FORMAT_VERSION);
  const int found[] = {
      SHL_PAGE_BYTES,      SHL_UNIT_BYTES,     SHL_CHUNK_BYTES,    SHL_GUARD_BYTES,
      SHL_CLASS_COUNT,     SHL_CLASS_TAGGED,   SHL_HINT_WORDS,     SHL_RESERVATIONS,
      SHL_SLOT_MAX,        SHL_WORDS_PER_SLAB, SHL_CHUNK_FREE,     SHL_CHUNK_MIXED,
      SHL_CHUNK_CLAIM,     SHL_CHUNK_HEAD,     SHL_CHUNK_CONT,     SHL_CHUNK_FREEING,
      SHL_CHUNK_TRIM,      SHL_RUN_BLOCK,      SHL_RUN_SLAB,       SHL_RUN_TAGGED,
      SHL_SLAB_FULL,       SHL_SLAB_PARTIAL,   SHL_OWNER_FREE,     SHL_OWNER_ORPHAN,
      SHL_OWNER_OWNED,     SHL_META_HOT_PAGES, SHL_META_RUN_PAGE,  SHL_META_REMOTE_FIRST,
      SHL_PROCESS_FREE,    SHL_PROCESS_LIVE,   SHL_ROOT_UNUSED,    SHL_ROOT_REMOVED,
      SHL_PIN_FREE,        SHL_PIN_PINNED,     SHL_PIN_CHANGING,   SHL_ROOT_NAME_BYTES,
      SHL_SHARING_SINGLE,  SHL_SHARING_MULTI,  SHL_AREAS_MAX,      SHL_HEAP_WORDS_OFFSET};
  const int stored[] = {4096, 65536, 2097152, 65536, 73, 128, 64, 32, 65535, 64, 0, 1, 2, 3,
                        4,    5,     6,       1,     2,  3,   0,  1,  0,   1,  2, 5, 9, 5,
                        0,    1,     0,       1,     0,  1,   2,  64, 1,   2,  16, 2048};
  for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
    if (found[i] != stored[i]) FAIL("number %zu is %d, stored as %d", i, found[i], stored[i]);
  }
}

static void areas_and_steps_keep_their_numbers(void) {
  const int areas[] = {SHL_AREA_NONE,  SHL_AREA_PROCESS, SHL_AREA_HEAP,   SHL_AREA_ROOT,
                       SHL_AREA_PIN,   SHL_AREA_OWNER,   SHL_AREA_SLOT,   SHL_AREA_CHUNK,
                       SHL_AREA_ROOM,  SHL_AREA_HOT,     SHL_AREA_REMOTE, SHL_AREA_RUN,
                       SHL_AREA_DATA,  SHL_AREA_DESC};
  const int steps[] = {SHL_J_NONE,    SHL_J_REFILL,   SHL_J_RELIST, SHL_J_UNLINK, SHL_J_COLLECT,
                       SHL_J_FREESLAB, SHL_J_HINT,    SHL_J_DRAIN,  SHL_J_CHUNK,  SHL_J_TRIM,
                       SHL_J_RUN,     SHL_J_NEWSLAB,  SHL_J_HUGE,   SHL_J_HFREE1, SHL_J_HFREE2,
                       SHL_J_HGROW,   SHL_J_ROOT,     SHL_J_PIN};
  const int records[] = {SHL_JA_NONE, SHL_JA_ALLOC_TO, SHL_JA_FREE_FROM, SHL_JA_REALLOC_TO,
                         SHL_JA_PUBLISH, SHL_JA_UNTAG};
  for (int i = 0; i < (int)(sizeof areas / sizeof areas[0]); i++) EXPECT_EQ(i, areas[i]);
  for (int i = 0; i < (int)(sizeof steps / sizeof steps[0]); i++) EXPECT_EQ(i, steps[i]);
  for (int i = 0; i < (int)(sizeof records / sizeof records[0]); i++) EXPECT_EQ(i, records[i]);
}

static void words_are_packed_as_they_were(void) {
  EXPECT_EQ(UINT64_C(0x0000020000512343), shl_chunk_encode(SHL_CHUNK_HEAD, 0x1234, 0x200005));
  EXPECT_EQ(UINT64_C(0x00007e0000512343), shl_chunk_encode_head(0x1234, 0x200005, 1));
  EXPECT_EQ(UINT64_C(0x0000020000512343), shl_chunk_encode_head(0x1234, 0x200005, 32));
  EXPECT_EQ(UINT64_C(0x807), shl_run_encode(7, SHL_RUN_SLAB));
  EXPECT_EQ(UINT64_C(0x700481234), shl_desc_make(0x1234, 0x48, 7));
  struct shl_owner_word owner = {.state = SHL_OWNER_OWNED,
                                 .process = 0x2001,
                                 .process_generation = 0xabcdef,
                                 .generation = 0x123456};
  EXPECT_EQ(UINT64_C(0x123456abcdef8006), shl_owner_encode(owner));
  struct shl_journal step = {
      .op = SHL_J_REFILL, .class_index = 0x48, .a = 0x2000001, .b = 0x200001};
  EXPECT_EQ(UINT64_C(0x1) | UINT64_C(0x48) << 6 | UINT64_C(0x2000001) << 14 |
                UINT64_C(0x200001) << 40,
            shl_journal_encode(step));
  struct shl_pin_op pin = {
      .state = SHL_PIN_PINNED, .process = 3, .generation = 5, .use = 7};
  EXPECT_EQ(UINT64_C(0x000007000005000d), shl_pin_encode(pin));
  EXPECT_EQ(UINT64_C(0x2af37be001), shl_tag_encode(0x2001, 0xabcdef));
  struct shl_root_version version = {.busy = true, .slot = 0x8001, .count = 3};
  EXPECT_EQ(UINT64_C(0x70003), shl_root_encode(version));
}

static void packed_words_come_apart_again(void) {
  struct shl_chunk_word chunk = shl_chunk_decode(shl_chunk_encode(SHL_CHUNK_CONT, 65535, 4194303));
  EXPECT_EQ(SHL_CHUNK_CONT, chunk.state);
  EXPECT_EQ(65535, chunk.slot);
  EXPECT_EQ(4194303, chunk.x);
  struct shl_journal widest = {.op = 63, .class_index = 255, .a = 67108863, .b = 4194303};
  struct shl_journal step = shl_journal_decode(shl_journal_encode(widest));
  EXPECT_EQ(63, step.op);
  EXPECT_EQ(255, step.class_index);
  EXPECT_EQ(67108863, step.a);
  EXPECT_EQ(4194303, step.b);
  uint64_t desc = shl_desc_make(65535, 200, 7);
  EXPECT_EQ(65535, shl_desc_owner(desc));
  EXPECT_EQ(200, shl_desc_class(desc));
  EXPECT_EQ(7, shl_desc_back(desc));
  EXPECT_EQ(512, shl_run_pages(shl_run_encode(512, SHL_RUN_BLOCK)));
  EXPECT_EQ(SHL_RUN_TAGGED, shl_run_kind(shl_run_encode(512, SHL_RUN_TAGGED)));
}

// The parts of a descriptor are also stored and read alone.
static void a_descriptors_parts_are_its_word(void) {
  union shl_desc_rec desc;
  shl_store_relaxed_u64(&desc.word, shl_desc_make(0x1234, 5, 3));
  EXPECT_EQ(0x1234, shl_load_relaxed_u16(&desc.part.owner));
  EXPECT_EQ(5, shl_load_relaxed_u8(&desc.part.class_index));
  EXPECT_EQ(3, shl_load_relaxed_u8(&desc.part.back));
  EXPECT_EQ(0, shl_load_relaxed_u64(&desc.word) >> 40 & 0xff);
  shl_store_relaxed_u8(&desc.part.journalled, 1);
  EXPECT_EQ(1, shl_load_relaxed_u64(&desc.word) >> 40 & 0xff);
}

SUITE(layout, TEST(stored_fields_are_where_they_were), TEST(stored_numbers_are_what_they_were),
      TEST(areas_and_steps_keep_their_numbers), TEST(words_are_packed_as_they_were),
      TEST(packed_words_come_apart_again), TEST(a_descriptors_parts_are_its_word))
