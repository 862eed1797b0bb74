/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "crypto.h"

/* What programs do at their start that read the gateway's configuration and use its ciphers. */

/* A config_error_fn: prints the line on stderr. */
void start_print_line(void *context, const char *line);

/*
 * The caller's own crypto, for what the option --imb-arch says (NULL: the best there is), proven on
 * published vectors. NULL: said why on stderr; *error is the reason then, -EINVAL where the option
 * is bad.
 */
struct crypto *start_crypto(const char *imb_arch, int *error);
