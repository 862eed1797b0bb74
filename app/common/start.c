/* SPDX-License-Identifier: BSD-3-Clause */
#include "start.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "log.h"

#define MESSAGE_BYTES 256

void
start_print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

int
start_eal(int argc, char *argv[])
{
	if (rte_eal_init(argc, argv) >= 0)
		return 0;
	int error = rte_errno;
	bool memory = error == EACCES || error == ENOMEM;
	fflush(stdout);
	/* EACCES is what EAL says of a machine without hugepages. */
	log_error("EAL does not start: %s%s; see what EAL says above",
		error == EACCES ? "it finds no hugepages" : rte_strerror(error),
		memory ? "; sysctl vm.nr_hugepages=512 reserves some hugepages, --no-huge does "
			 "without"
		       : "");
	return -error;
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
