/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdio.h>

#include <jansson.h>

#include "config.h"
#include "output.h"

/* Keeps an error for the JSON document, and says it at once to people. */
static void
report(void *context, const char *line)
{
	json_t *errors = context;

	if (errors != NULL)
		json_array_append_new(errors, json_string(line));
	else
		fprintf(stderr, "%s\n", line);
}

static void
print_count(const char *before, unsigned n, const char *what)
{
	printf("%s%u %s%s", before, n, what, n == 1 ? "" : "s");
}

static void
print_good(const char *path, const struct config *config)
{
	printf("%s: good", path);
	print_count(": ", config->n_ports, "port");
	print_count(", ", config->n_tunnels, "tunnel");
	print_count(", ", config->n_routes, "route");
	print_count(", ", config->n_neighbors, "neighbor");
	print_count(", ", config->n_sas, "security association");
	putchar('\n');
}

static void
output_result(const char *path, enum config_result result, json_t *errors)
{
	json_t *document = json_object();

	json_object_set_new(document, "file", json_string(path));
	json_object_set_new(document, "good", json_boolean(result == CONFIG_GOOD));
	json_object_set(document, "errors", errors);
	output_object(document);
	json_decref(document);
}

int
check_run(const struct arguments *arguments)
{
	struct config *config = NULL;

	if (arguments->n_operands != 1)
		return usage_error("check takes one file, for example: "
				   "espalierctl check /etc/espalier/espalier.conf");
	const char *path = arguments->operands[0];
	json_t *errors = arguments->json ? json_array() : NULL;
	enum config_result result = config_load(path, &config, report, errors);
	if (arguments->json)
		output_result(path, result, errors);
	else if (result == CONFIG_GOOD)
		print_good(path, config);
	config_free(config);
	json_decref(errors);
	return (int)result;
}
