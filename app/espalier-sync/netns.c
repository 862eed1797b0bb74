/* SPDX-License-Identifier: BSD-3-Clause */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define DIRECTORY "/run/netns/"

int
netns_enter(const char *netns)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') == NULL ? DIRECTORY : "", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
		close(fd);
		return 0;
	}
	log_error("the network namespace %s cannot be entered: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
