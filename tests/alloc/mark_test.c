// SPDX-License-Identifier: MIT
// Goal: what roots lead to is reached, however it is linked, and all else is told and freed;
// nothing is freed that could not be judged.
// Method: lists, trees and rings of linked blocks, some of them let go, in heaps that are then
// compared with what was linked.
#include <shoal/mark.h>

#include <stdlib.h>
#include <string.h>

#include <shoal/exact.h>
#include <shoal/orphans.h>
#include <shoal/root.h>

#include "alloc/hand.h"
#include "alloc/tag.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { NODE = 1, LEAF = 2, NODES = 3000 };

struct node {
  shoal_off next;
  shoal_off other;
  shoal_off leaf;
};

static unsigned visits;

static void open_heap(void) {
  seats_open(stand_open(0), 0);
  visits = 0;
}

static void visit_node(shoal_marker *marker, const void *object, uint64_t bytes, void *context) {
  const struct node *node = object;
  (void)context;
  EXPECT_LE(sizeof *node, bytes);
  visits++;
  shoal_mark_reach(marker, node->next, NODE);
  shoal_mark_reach(marker, node->other, NODE);
  shoal_mark_reach(marker, node->leaf, LEAF);
}

static const shoal_mark_type types[] = {{NODE, visit_node}, {LEAF, NULL}};

static shoal_mark_options options_with(unsigned flags) {
  return (shoal_mark_options){
      .size = sizeof(shoal_mark_options), .flags = flags, .types = types, .type_count = 2};
}

static struct node *add(shoal_off next, size_t leaf_bytes) {
  struct node *node = shoal_calloc(heap, 1, sizeof *node);
  *node = (struct node){.next = next, .leaf = shoal_alloc(heap, leaf_bytes, 0)};
  return node;
}

// A list of `count` nodes with a leaf each; leaves of all kinds of blocks.
static struct node *add_list(unsigned count) {
  struct node *first = NULL;
  for (unsigned i = 0; i < count; i++) {
    size_t bytes = i == 0 ? 3 << 20 : i % 100 == 1 ? 50000 : 10 * (size_t)(i % 50);
    first = add(shoal_offset(heap, first), bytes);
  }
  return first;
}

static void set_root(const char *name, const void *object) {
  shoal_root root = {.off = shoal_offset(heap, object), .type_id = NODE};
  EXPECT_OK(shoal_root_set(heap, name, &root));
}

static shoal_mark_result mark(unsigned flags) {
  shoal_mark_options options = options_with(flags);
  shoal_mark_result result;
  EXPECT_OK(shoal_mark(heap, &options, &result));
  EXPECT_EQ(result.reached + result.unreachable - result.freed, stand_live(heap));
  return result;
}

static void what_a_root_leads_to_is_reached(void) {
  set_root("list", add_list(NODES));
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(2 * NODES, result.reached);
  EXPECT_EQ(0, result.unreachable + result.wild + result.freed);
  EXPECT_EQ(NODES, visits);
  EXPECT_EQ(stand_stats(heap).live, result.reached_bytes);
}

static void what_nothing_leads_to_is_told_and_then_freed(void) {
  struct node *kept = add_list(NODES), *lost = add_list(NODES);
  set_root("list", kept);
  (void)lost;
  EXPECT_EQ(2 * NODES, mark(0).unreachable);
  EXPECT_EQ(4 * NODES, stand_live(heap));
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(2 * NODES, result.freed);
  EXPECT_EQ(2 * NODES, stand_live(heap));
  EXPECT_EQ(0, mark(SHOAL_MARK_FREE).unreachable);
}

static void rings_end_and_shared_blocks_are_met_once(void) {
  struct node *first = add_list(10);
  struct node *last = first;
  while (last->next != 0) last = shoal_ptr(heap, last->next);
  last->next = shoal_offset(heap, first);
  first->other = shoal_offset(heap, last);
  last->other = last->next;
  set_root("ring", first);
  set_root("again", last);
  EXPECT_EQ(20, mark(SHOAL_MARK_FREE).reached);
  EXPECT_EQ(10, visits);
}

static void references_to_no_block_are_counted(void) {
  struct node *node = add(0, 16);
  node->next = shoal_offset(heap, node) + 8;
  node->other = heap->view.capacity + 64;
  set_root("wild", node);
  shoal_mark_result result = mark(0);
  EXPECT_EQ(2, result.wild);
  EXPECT_EQ(2, result.reached);
}

static void a_type_without_a_visitor_frees_nothing(void) {
  shoal_mark_options options = options_with(SHOAL_MARK_FREE);
  shoal_mark_result result;
  set_root("list", add_list(3));
  (void)add_list(3);
  options.type_count = 1;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_mark(heap, &options, &result));
  EXPECT_EQ(0, result.freed);
  EXPECT_EQ(12, stand_live(heap));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ARGUMENT), "0x2") != NULL);
}

static void reserved_blocks_are_in_use(void) {
  shoal_off off = 0;
  EXPECT_OK(shoal_reserve(heap, 64, 0, &off));
  EXPECT_EQ(1, mark(SHOAL_MARK_FREE).reached);
  EXPECT_OK(shoal_cancel(heap, off));
}

static void tagged_blocks_of_the_living_are_in_use(void) {
  const uint32_t owners[] = {0, STAND_STOPPED, STAND_DEAD};
  const size_t sizes[] = {50, 50000, 3 << 20};
  for (size_t i = 0; i < 9; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i / 3], SHOAL_TAGGED);
    if (i % 3 != 0) *stand_tag_of(heap, off) = shl_tag_encode(owners[i % 3], 1);
  }
  shoal_off untagged = shoal_alloc(heap, 50, SHOAL_TAGGED);
  EXPECT_OK(shoal_untag(heap, untagged));
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(6, result.reached);
  EXPECT_EQ(4, result.freed);
}

// Linked before it is published: its children are in use as any block's that a root leads to.
static void what_a_linked_block_refers_to_is_kept_though_it_has_a_tag(void) {
  const size_t sizes[] = {sizeof(struct node), 50000, 3 << 20};
  shoal_off first = 0;
  for (size_t i = 0; i < 3; i++) {
    struct node *node = shoal_ptr(heap, shoal_alloc(heap, sizes[i], SHOAL_TAGGED | SHOAL_ZERO));
    *node = (struct node){.next = shoal_offset(heap, add(0, 100)), .other = first};
    first = shoal_offset(heap, node);
  }
  set_root("tagged", add(first, 16));
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(0, result.freed);
  EXPECT_EQ(11, result.reached);
  EXPECT_EQ(7, visits);
}

static void what_a_linked_block_refers_to_is_kept_though_it_is_reserved(void) {
  shoal_off off = 0;
  EXPECT_OK(shoal_reserve(heap, sizeof(struct node), SHOAL_ZERO, &off));
  struct node *node = shoal_ptr(heap, off);
  node->next = shoal_offset(heap, add_list(5));
  struct node *root = add(off, 16);
  set_root("reserved", root);
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(0, result.freed);
  EXPECT_EQ(13, result.reached);
  EXPECT_EQ(7, visits);
  EXPECT_OK(shoal_publish(heap, &root->next, off));
}

// Nothing tells what type of block it is, so that it is kept and not looked into.
static void what_a_tagged_block_alone_refers_to_is_freed(void) {
  struct node *node = shoal_ptr(heap, shoal_alloc(heap, sizeof *node, SHOAL_TAGGED | SHOAL_ZERO));
  node->next = shoal_offset(heap, add(0, 100));
  shoal_mark_result result = mark(SHOAL_MARK_FREE);
  EXPECT_EQ(1, result.reached);
  EXPECT_EQ(2, result.freed);
  EXPECT_EQ(0, visits);
}

// What plain allocations of a killed thread have stranded.
static void what_the_dead_had_in_flight_is_freed(void) {
  for (unsigned i = 0; i < 10; i++) (void)stand_alloc(other, 64);
  stand_die(other);
  EXPECT_EQ(10, mark(SHOAL_MARK_FREE).freed);
  EXPECT_EQ(0, stand_live(heap));
}

static int keep_large(void *context, const shoal_block *block) {
  (*(unsigned *)context)++;
  return block->bytes > 1000;
}

static void who_is_shown_a_block_may_keep_it(void) {
  unsigned shown = 0;
  shoal_mark_options options = options_with(SHOAL_MARK_FREE);
  shoal_mark_result result;
  options.unreachable = keep_large;
  options.context = &shown;
  (void)shoal_alloc(heap, 100, 0);
  (void)shoal_alloc(heap, 5000, 0);
  EXPECT_OK(shoal_mark(heap, &options, &result));
  EXPECT_EQ(2, shown);
  EXPECT_EQ(1, result.freed);
  EXPECT_EQ(1, stand_live(heap));
}

static void wrong_arguments_are_told(void) {
  shoal_mark_options options = options_with(8);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_mark(heap, &options, NULL));
  options = options_with(0);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_mark(NULL, &options, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_mark(heap, NULL, NULL));
  options.size = 1;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_mark(heap, &options, NULL));
}

SUITE(mark, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(what_a_root_leads_to_is_reached),
      TEST(what_nothing_leads_to_is_told_and_then_freed),
      TEST(rings_end_and_shared_blocks_are_met_once), TEST(references_to_no_block_are_counted),
      TEST(a_type_without_a_visitor_frees_nothing), TEST(reserved_blocks_are_in_use),
      TEST(tagged_blocks_of_the_living_are_in_use),
      TEST(what_a_linked_block_refers_to_is_kept_though_it_has_a_tag),
      TEST(what_a_linked_block_refers_to_is_kept_though_it_is_reserved),
      TEST(what_a_tagged_block_alone_refers_to_is_freed),
      TEST(what_the_dead_had_in_flight_is_freed), TEST(who_is_shown_a_block_may_keep_it),
      TEST(wrong_arguments_are_told))
