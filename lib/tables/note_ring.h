/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

struct rte_ring;

/*
 * A ring for notes from workers to the control core: what they see and it must know. Notes are of
 * one size, whole words; any worker leaves some (rte_ring_enqueue_elem() that fails loses one), the
 * control core takes them. NULL: out of memory, said in the log. Control, at start; rte_ring_free()
 * ends it.
 */
struct rte_ring *note_ring_create(const char *name, unsigned bytes, unsigned notes);
