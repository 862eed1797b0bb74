/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "config.h"
#include "control.h"
#include "control_loop.h"
#include "crypto.h"
#include "gateway.h"
#include "guard.h"
#include "kernel_if.h"
#include "log.h"
#include "options.h"
#include "ports.h"
#include "punt.h"
#include "rcu.h"
#include "start.h"
#include "workers.h"

#define MESSAGE_BYTES 256

/* The process, from its first line to its last: each part is made by name, and unmade in the exact
 * reverse. */
struct process {
	struct options options;
	struct config *config;
	struct crypto *crypto; /* the control core's own: expands keys */
	struct workers workers;
	struct ports ports;
	unsigned heap; /* allocations once the ports are open: what must be there again when all
			  else is gone */
	struct gateway *gw;
	struct kernel_if *kernel_if; /* NULL: none were asked for */
	struct control *control;
};

static unsigned
heap_allocations(void)
{
	unsigned count = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		struct rte_malloc_socket_stats stats;

		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			count += stats.alloc_count;
	}
	return count;
}

static int
make_crypto(struct process *process)
{
	int error = 0;

	process->crypto = start_crypto(process->options.imb_arch, &error);
	if (process->crypto != NULL)
		log_info("crypto: %s", crypto_description(process->crypto));
	return error;
}

static int
make_gateway(struct process *process)
{
	struct rcu *rcu = rcu_create(process->workers.n);

	if (rcu == NULL) {
		log_error("no memory for %u workers: give EAL more with -m", process->workers.n);
		return -ENOMEM;
	}
	process->gw = gateway_create(process->config, rcu, process->workers.n);
	if (process->gw == NULL)
		return -ENOMEM;
	ports_describe(&process->ports, process->gw);
	process->gw->punt->kernel = process->options.kernel_interfaces;
	atomic_store(&process->gw->held, process->options.start_held);
	return 0;
}

static int
open_kernel_interfaces(struct process *process)
{
	if (!process->options.kernel_interfaces)
		return 0;
	process->kernel_if = kernel_if_open(
		process->gw, process->config, &process->workers, process->ports.pool);
	return process->kernel_if != NULL ? 0 : -EIO;
}

static int
open_control(struct process *process)
{
	char message[MESSAGE_BYTES];
	const struct control_facts facts = {
		.version = ESPALIER_VERSION,
		.crypto = crypto_description(process->crypto),
		.lcores = process->workers.lcores,
		.keys = process->crypto,
	};

	process->control = control_open(
		process->gw, &facts, process->config->control_socket, message, sizeof(message));
	if (process->control == NULL) {
		log_error("%s", message);
		return -EIO;
	}
	return 0;
}

/* Everything that can fail, in order; what was made is unmade by tear_down(). */
static int
set_up(struct process *process)
{
	const struct options *options = &process->options;
	int error = workers_list(&process->workers, options);

	if (error == 0)
		error = make_crypto(process);
	if (error == 0)
		error = ports_open(&process->ports, process->config, options, process->workers.n);
	process->heap = heap_allocations();
	if (error == 0)
		error = make_gateway(process);
	if (error == 0)
		error = gateway_populate(process->gw, process->config, process->crypto);
	if (error == 0)
		error = workers_create(
			&process->workers, process->gw, options, process->ports.pool);
	if (error == 0)
		error = open_kernel_interfaces(process);
	if (error == 0)
		error = open_control(process);
	if (error == 0)
		error = ports_start(&process->ports, options->kernel_interfaces);
	return error;
}

static void
tear_down(struct process *process)
{
	ports_stop(&process->ports);
	control_close(process->control);
	kernel_if_close(process->kernel_if);
	workers_destroy(&process->workers);
	if (process->gw != NULL)
		gateway_destroy(process->gw);

	unsigned heap = heap_allocations();
	if (heap == process->heap)
		log_info("heap: balanced");
	else
		log_warning("heap: %u allocations before, %u after", process->heap, heap);
	ports_close(&process->ports);
	crypto_destroy(process->crypto);
	config_free(process->config);
}

static int
serve(struct process *process)
{
	/* Its keys are in the SAs now, and nowhere else from here on. */
	config_free(process->config);
	process->config = NULL;
	if (process->options.start_held)
		log_info("held: the workers wait for 'espalierctl resume'");
	workers_launch(&process->workers);
	int error = control_loop_run(
		process->gw, process->control, process->kernel_if, &process->workers);
	workers_stop(&process->workers, process->gw);
	return error;
}

/* From here on EAL is there. */
static int
run(struct process *process)
{
	int error = set_up(process);

	if (error == 0)
		error = serve(process);
	tear_down(process);
	return error;
}

int
main(int argc, char *argv[])
{
	struct process process = { 0 };

	log_init("espalier");
	switch (options_parse(argc, argv, &process.options)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return EXIT_BAD_INPUT;
	}
	guard_process();
	if (process.options.config_path != NULL &&
		config_load(process.options.config_path, &process.config, start_print_line, NULL) !=
			CONFIG_GOOD)
		return EXIT_BAD_INPUT;

	log_info("version " ESPALIER_VERSION);
	control_loop_block_signals();
	int error = start_eal(process.options.eal_argc, argv);
	if (error < 0) {
		config_free(process.config);
		/* Of its options, and the devices they name. */
		return error == -EINVAL || error == -ENODEV ? EXIT_BAD_INPUT : EXIT_FAILURE;
	}
	guard_check_memory(process.options.eal_argc, argv);
	error = run(&process);
	rte_eal_cleanup();
	if (error == 0)
		return EXIT_SUCCESS;
	return error == -EINVAL ? EXIT_BAD_INPUT : EXIT_FAILURE;
}
