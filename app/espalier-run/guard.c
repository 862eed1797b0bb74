/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>

#include "compiler.h"

/* 32-bit system calls that open sockets; arguments of the older one cannot be looked at. */
#define I386_SOCKETCALL 102
#define I386_SOCKET 359
#define X32_BIT 0x40000000

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)
#define IF_AT_LEAST(value, then, otherwise) \
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, then, otherwise)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT)

/* Numbers in comments are those of the statements; jumps count statements passed over. */
static struct sock_filter filter[] = {
	/* 0 */ LOAD(arch),
	/* 1 */ IF_EQUAL(AUDIT_ARCH_X86_64, 0, 10),
	/* 2 */ LOAD(nr),
	/* 3 */ IF_AT_LEAST(X32_BIT, 7, 0),
	/* 4 */ IF_EQUAL(__NR_socket, 0, 5),
	/* 5 */ LOAD(args[0]), /* the low half: the machine is little-endian */
	/* 6 */ IF_EQUAL(AF_KEY, 4, 0),
	/* 7 */ IF_EQUAL(AF_NETLINK, 0, 2),
	/* 8 */ LOAD(args[2]),
	/* 9 */ IF_EQUAL(NETLINK_XFRM, 1, 0),
	/* 10 */ ALLOW,
	/* 11 */ REFUSE,
	/* 12 */ IF_EQUAL(AUDIT_ARCH_I386, 0, 3),
	/* 13 */ LOAD(nr),
	/* 14 */ IF_EQUAL(I386_SOCKETCALL, 2, 0),
	/* 15 */ IF_EQUAL(I386_SOCKET, 1, 0),
	/* 16 */ ALLOW,
	/* 17 */ REFUSE,
};

int
guard_xfrm(void)
{
	const struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	/* Without CAP_SYS_ADMIN a filter may only be put where no exec gains rights any more. */
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}
