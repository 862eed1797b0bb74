/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "crypto.h"

/* What programs do at their start that read the gateway's configuration and use its ciphers. */

/* A config_error_fn: prints the line on stderr. */
void start_print_line(void *context, const char *line);

/* Starts EAL with these arguments. 0, or what rte_errno says, made negative, with words on stderr
 * as the last of all that EAL prints: what it refuses stands before its whole usage. */
int start_eal(int argc, char *argv[]);

/*
 * The caller's own crypto, for what the option --imb-arch says (NULL: the best there is), proven on
 * published vectors. NULL: said why on stderr; *error is the reason then, -EINVAL where the option
 * is bad.
 */
struct crypto *start_crypto(const char *imb_arch, int *error);
