/* SPDX-License-Identifier: BSD-3-Clause */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define DIRECTORY "/run/netns/"

int
netns_enter(const char *setting, const char *netns)
{
	bool named = strchr(netns, '/') == NULL;
	char path[PATH_MAX];
	int error = 0;

	snprintf(path, sizeof(path), "%s%s", named ? DIRECTORY : "", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		log_error("%s: %s: %s%s", setting, path, strerror(errno),
			errno == ENOENT && named ? "; make it with: ip netns add NAME" : "");
		return error;
	}
	if (setns(fd, CLONE_NEWNET) < 0) {
		error = -errno;
		log_error("%s: cannot enter %s: %s%s", setting, path,
			errno == EINVAL ? "it is no network namespace" : strerror(errno),
			errno == EPERM ? "; it takes CAP_SYS_ADMIN" : "");
	}
	close(fd);
	return error;
}
