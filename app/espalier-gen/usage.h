/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Prints what --help shows, on standard output. */
void usage_print(void);
