/* SPDX-License-Identifier: BSD-3-Clause */
#include "start.h"

#include <errno.h>
#include <stdio.h>

#include "log.h"

#define MESSAGE_BYTES 256

void
start_print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

struct crypto *
start_crypto(const char *imb_arch, int *error)
{
	char message[MESSAGE_BYTES];
	struct crypto *crypto = crypto_create(imb_arch, message, sizeof(message));

	if (crypto == NULL) {
		log_error("%s", message);
		*error = -EINVAL;
		return NULL;
	}
	if (crypto_self_test(crypto, message, sizeof(message)) == 0)
		return crypto;
	log_error("crypto self-test failed, not starting: %s", message);
	crypto_destroy(crypto);
	*error = -EIO;
	return NULL;
}
