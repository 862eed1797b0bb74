/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Keeps keys inside the process. main() only. */

/* Before any key is read: no core dump, no ptrace by others, and no swap where the system lets us
 * lock memory. */
void guard_process(void);

/* After EAL's start: warns where packet and key memory lies in files that would survive a crash. */
void guard_check_memory(int argc, char *argv[]);
