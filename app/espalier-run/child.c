/* SPDX-License-Identifier: BSD-3-Clause */
#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler.h"
#include "guard.h"
#include "log.h"

#define STATUS_CANNOT_EXECUTE 126
#define STATUS_SIGNAL 128

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

int
child_prepare(struct child *child)
{
	sigset_t set;

	signal(SIGCHLD, SIG_DFL); /* ignored, it would take exit statuses along */
	/* A reader of our log that goes is no reason to take the command along. */
	child->pipe = signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (unsigned i = 0; i < ARRAY_LEN(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &child->mask);
	child->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (child->signal_fd >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)
		return 0;
	log_error("cannot watch over a command: %s", strerror(errno));
	return -1;
}

static void __attribute__((noreturn))
become(const struct child *child, const struct child_command *command, pid_t parent)
{
	int error = 0;

	/* Without a broker its sockets are at their end, and daemons spin on that. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(STATUS_CANNOT_EXECUTE);
	if (command->guarded)
		error = guard_xfrm();
	if (error < 0) {
		log_error("cannot close the kernel's XFRM to the command: %s", strerror(-error));
		_exit(STATUS_CANNOT_EXECUTE);
	}
	signal(SIGPIPE, child->pipe);
	sigprocmask(SIG_SETMASK, &child->mask, NULL);
	execv(command->path, command->arguments);
	log_error("cannot execute %s: %s", command->path, strerror(errno));
	_exit(STATUS_CANNOT_EXECUTE);
}

int
child_start(struct child *child, const struct child_command *command)
{
	pid_t parent = getpid();

	child->pid = fork();
	if (child->pid == 0)
		become(child, command, parent);
	if (child->pid > 0)
		return 0;
	log_error("cannot start a process: %s", strerror(errno));
	return -1;
}

static void
reap(struct child *child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child->pid)
			continue;
		child->ended = true;
		child->status = WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status)
						    : WEXITSTATUS(status);
	}
	child->abandoned = pid < 0 && errno == ECHILD;
}

/* Sends a signal to what the command left behind. */
static void
signal_orphans(int signal)
{
	char path[64];
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *children = fopen(path, "re");
	if (children == NULL)
		return;
	while (fscanf(children, "%d", &pid) == 1)
		kill(pid, signal);
	fclose(children);
}

static void
forward(const struct child *child, const struct signalfd_siginfo *info)
{
	/* A key pressed at the terminal reaches the command, too, by itself; of a terminal that
	 * hung up the kernel tells its session's leader alone. */
	bool ours_alone = info->ssi_signo == SIGHUP && getsid(0) == getpid();
	if (info->ssi_code == SI_KERNEL && !ours_alone)
		return;
	if (child->ended)
		signal_orphans((int)info->ssi_signo);
	else
		kill(child->pid, (int)info->ssi_signo);
}

void
child_attend(struct child *child)
{
	struct signalfd_siginfo info;

	while (read(child->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(child);
		else
			forward(child, &info);
	}
}
