/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <sys/stat.h>

#include "control_bench.h"

/* The two sockets in the file system: their modes, and whose place they take. */

static void
sockets_are_taken_over_with_care(void **state)
{
	char error[256], plain[96];
	struct stat status;

	(void)state;
	assert_int_equal(stat(rw_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(stat(ro_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(stat(directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);

	assert_null(control_open(gw, &facts, rw_path, error, sizeof(error)));
	assert_non_null(strstr(error, "another espalier listens"));

	snprintf(plain, sizeof(plain), "%s/plain", directory);
	close(open(plain, O_CREAT | O_WRONLY, 0600));
	assert_null(control_open(gw, &facts, plain, error, sizeof(error)));
	assert_non_null(strstr(error, "is no socket"));
	assert_int_equal(unlink(plain), 0);

	char loop[96], behind[112];
	snprintf(loop, sizeof(loop), "%s/loop", directory);
	snprintf(behind, sizeof(behind), "%s/c.sock", loop);
	assert_int_equal(symlink(loop, loop), 0);
	error[0] = '\0';
	assert_null(control_open(gw, &facts, behind, error, sizeof(error)));
	assert_non_null(strstr(error, "cannot look at"));
	assert_int_equal(unlink(loop), 0);

	/* Sockets that nobody serves: as after a crash. */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, plain, strlen(plain));
	int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	struct control *second = control_open(gw, &facts, plain, error, sizeof(error));
	assert_non_null(second);
	control_close(second);
	assert_int_equal(access(plain, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_taken_over_with_care),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
