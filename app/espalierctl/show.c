/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "subject.h"

static int
find_subject(const char *name)
{
	for (int i = 0; i < ESPALIER_SUBJECTS; i++)
		if (strcmp(subjects[i].name, name) == 0)
			return i;
	return -1;
}

void
show_help(void)
{
	for (unsigned i = 0; i < ESPALIER_SUBJECTS; i++)
		printf("  %-10s %s\n", subjects[i].name, subjects[i].description);
	puts("With --nonzero, drops leaves out the reasons for which nothing was dropped.");
}

/* The rows in the subject's order, a new list. Equal rows keep theirs. */
struct numbered {
	json_t *row;
	size_t number;
	const struct subject *subject;
};

static int
compare_numbered(const void *first, const void *second)
{
	const struct numbered *a = first, *b = second;
	int order = a->subject->compare(a->row, b->row);

	return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static json_t *
sorted(const struct subject *subject, json_t *rows)
{
	size_t n = json_array_size(rows);
	struct numbered *places = calloc(n + 1, sizeof(*places));
	json_t *list = json_array();

	if (subject->compare == NULL || places == NULL) {
		json_array_extend(list, rows);
		free(places);
		return list;
	}
	for (size_t i = 0; i < n; i++)
		places[i] = (struct numbered) { json_array_get(rows, i), i, subject };
	qsort(places, n, sizeof(*places), compare_numbered);
	for (size_t i = 0; i < n; i++)
		json_array_append(list, places[i].row);
	free(places);
	return list;
}

/* The members of each row's list, with what the row itself says; a new list. */
static json_t *
unfolded(const char *key, const json_t *rows)
{
	json_t *list = json_array();
	const json_t *row;
	json_t *member;
	size_t i, j;

	json_array_foreach (rows, i, row) {
		json_array_foreach (json_object_get(row, key), j, member) {
			json_t *line = json_copy(member);

			json_object_update_missing(line, (json_t *)(uintptr_t)row);
			json_array_append_new(list, line);
		}
	}
	return list;
}

static void
print_unfolded(const char *key, const struct column columns[], const json_t *rows)
{
	json_t *lines = unfolded(key, rows);

	table_print(columns, lines);
	json_decref(lines);
}

/* Only some builds of the gateway do. */
static bool
counts_stages(const json_t *rows)
{
	return json_object_get(json_array_get(rows, 0), "stages") != NULL;
}

/* Takes out the reasons for which nothing was dropped. */
static void
keep_nonzero(json_t *rows)
{
	for (size_t i = json_array_size(rows); i-- > 0;)
		if (json_number_value(json_object_get(json_array_get(rows, i), "packets")) == 0)
			json_array_remove(rows, i);
}

static void
print_for_people(const struct subject *subject, json_t *rows)
{
	if (subject == &subjects[ESPALIER_SHOW_VERSION]) {
		table_print_one(subject->columns, json_array_get(rows, 0));
		return;
	}
	if (subject->unfold == NULL)
		table_print(subject->columns, rows);
	else
		print_unfolded(subject->unfold, subject->columns, rows);
	if (subject == &subjects[ESPALIER_SHOW_WORKERS] && counts_stages(rows)) {
		putchar('\n');
		print_unfolded("stages", subject_stage_columns, rows);
	}
}

static json_t *
ask(const char *socket, uint32_t subject)
{
	uint8_t buffer[CLIENT_REQUEST_BYTES];
	struct netlink_writer writer;
	struct client client;

	if (client_open(&client, socket, CLIENT_READS) < 0)
		return NULL;
	client_begin(&client, &writer, buffer, ESPALIER_SHOW);
	netlink_put(&writer, &subject, sizeof(subject));
	json_t *rows = client_ask(&client, &writer);
	client_close(&client);
	return rows;
}

int
show_run(const struct arguments *arguments)
{
	if (arguments->n_operands != 1)
		return usage_error("show takes one subject, for example: espalierctl show tunnels");
	int index = find_subject(arguments->operands[0]);
	if (index < 0)
		return usage_error(
			"there is no '%s' to show; espalierctl show --help lists what is",
			arguments->operands[0]);

	if (arguments->nonzero && index != ESPALIER_SHOW_DROPS)
		return usage_error("--nonzero belongs to show drops");

	const struct subject *subject = &subjects[index];
	json_t *answer = ask(arguments->socket, (uint32_t)index);
	if (answer == NULL)
		return EXIT_REFUSED;
	json_t *rows = sorted(subject, answer);
	if (arguments->nonzero)
		keep_nonzero(rows);
	if (!arguments->json)
		print_for_people(subject, rows);
	else if (index == ESPALIER_SHOW_VERSION)
		output_object(json_array_get(rows, 0));
	else
		output_list(rows);
	json_decref(rows);
	json_decref(answer);
	return EXIT_GOOD;
}
