/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "feed.h"

/* What the files of a feed share. */

/* What is new of nexthop objects is news of the routes that name them. */
void feed_mark_concerned(struct feed *feed);
/* Sends as much news as there is room for. True: all of it has been sent and answered. */
bool feed_send_news(struct feed *feed);
/* The answer to one of the messages: 0 or a positive errno, and its words. */
void feed_take_answer(struct feed *feed, uint32_t sequence, int error, const char *words);
