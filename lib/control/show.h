/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "session.h"

/*
 * The rows behind `espalierctl show`: one JSON object each, in the shapes that docs/espalierctl.md
 * fixes. Never a key.
 *
 * A row function makes the row at the cursor and moves it on. 1: *row is the caller's; 0: no more;
 * -ENOMEM. Control only.
 */
typedef int (*show_row_fn)(const struct session_context *context, uint32_t *cursor, json_t **row);

/* Any subject below ESPALIER_SUBJECTS. */
int
show_row(const struct session_context *context, uint32_t subject, uint32_t *cursor, json_t **row);

/* show_process.c: the machine */
int show_port(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_worker(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_drop(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_version(const struct session_context *context, uint32_t *cursor, json_t **row);

/* show_ipsec.c */
int show_tunnel(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_sa(const struct session_context *context, uint32_t *cursor, json_t **row);

/* show_policy.c */
int show_policy(const struct session_context *context, uint32_t *cursor, json_t **row);

/* show_route.c */
int show_route(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_group(const struct session_context *context, uint32_t *cursor, json_t **row);
int show_neighbor(const struct session_context *context, uint32_t *cursor, json_t **row);
