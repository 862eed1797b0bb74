/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <rte_eal.h>

#include "log.h"

/* Who has CAP_IPC_LOCK is bound by no limit: not even one of nothing keeps him from locking a page.
 */
static bool
is_above_limits(const struct rlimit *limit)
{
	const struct rlimit nothing = { 0, limit->rlim_max };
	bool locked;

	if (setrlimit(RLIMIT_MEMLOCK, &nothing) != 0)
		return false;
	locked = mlock(limit, sizeof(*limit)) == 0;
	if (locked)
		munlock(limit, sizeof(*limit));
	return setrlimit(RLIMIT_MEMLOCK, limit) == 0 && locked;
}

/* With a limit, locking would not fail now but some allocation later would: then it is left alone.
 */
static bool
may_lock_all(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		return true;
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
		(limit.rlim_cur == RLIM_INFINITY || is_above_limits(&limit));
}

void
guard_process(void)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warning("core dumps cannot be turned off: %s", strerror(errno));
	if (!may_lock_all())
		log_warning("memory is not locked, so keys may reach swap: raise RLIMIT_MEMLOCK to "
			    "unlimited, give it CAP_IPC_LOCK, or have no swap");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		log_warning("memory cannot be locked, so keys may reach swap: %s", strerror(errno));
}

void
guard_check_memory(int argc, char *argv[])
{
	if (!rte_eal_has_hugepages())
		return;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--in-memory") == 0 ||
			strncmp(argv[i], "--huge-unlink", strlen("--huge-unlink")) == 0)
			return;
	log_warning("hugepage files outlive a crash, with the keys in them: start with --in-memory "
		    "or --huge-unlink");
}
