/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "sections.h"
#include "source.h"
#include "words.h"

#define NAME_DEFAULT "espalier"
#define MAX_ROUTES_DEFAULT (1u << 21) /* twice what the Internet has */
#define MAX_TBL8_DEFAULT 8192

/* In the order of reading: each needs those above it, wherever they stand in the file. */
static const struct {
	const char *name;
	enum need need;
	void (*read)(struct reader *reader, const config_setting_t *setting);
} sections[] = {
	{ "gateway", OPTIONAL, section_gateway },
	{ "ports", REQUIRED, section_ports },
	{ "tunnels", OPTIONAL, section_tunnels },
	{ "routes", OPTIONAL, section_routes },
	{ "neighbors", OPTIONAL, section_neighbors },
	{ "security_associations", OPTIONAL, section_sas },
};

static void
unknown_section(struct reader *reader, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	const char *meant = NULL;
	char known[128] = "", quoted[QUOTE_BYTES];

	for (unsigned s = 0; s < ARRAY_LEN(sections); s++) {
		meant = words_closer(name, sections[s].name, meant);
		words_list(known, sizeof(known), sections[s].name);
	}
	words_quote(name, quoted);
	if (meant != NULL)
		reader_error(reader, setting, "there is no section %s; did you mean \"%s\"?",
			quoted, meant);
	else
		reader_error(
			reader, setting, "there is no section %s; there are: %s", quoted, known);
}

static bool
is_section(const char *name)
{
	for (unsigned s = 0; s < ARRAY_LEN(sections); s++)
		if (strcmp(name, sections[s].name) == 0)
			return true;
	return false;
}

static void
read_sections(struct reader *reader, const config_setting_t *root)
{
	unsigned n = (unsigned)config_setting_length(root);

	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *setting = config_setting_get_elem(root, i);
		if (!is_section(config_setting_name(setting)))
			unknown_section(reader, setting);
	}
	for (unsigned s = 0; s < ARRAY_LEN(sections); s++) {
		const config_setting_t *setting = config_setting_get_member(root, sections[s].name);
		if (setting != NULL)
			sections[s].read(reader, setting);
		else if (sections[s].need == REQUIRED)
			reader_line_error(reader, 1,
				"the section \"%s\" is missing: %s: ( { ... } );", sections[s].name,
				sections[s].name);
	}
}

static struct config *
make_config(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return NULL;
	snprintf(config->name, sizeof(config->name), "%s", NAME_DEFAULT);
	snprintf(config->control_socket, sizeof(config->control_socket), "%s",
		ESPALIER_SOCKET_DEFAULT);
	config->max_routes = MAX_ROUTES_DEFAULT;
	config->max_tbl8 = MAX_TBL8_DEFAULT;
	return config;
}

/* What libconfig says, in words that help. */
static const char *
explain_syntax(const char *said)
{
	static const struct {
		const char *said, *meant;
	} words[] = {
		{ "mismatched element type in array",
			"the elements of an array [ ] must all be of one type" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (said != NULL && strcmp(said, words[i].said) == 0)
			return words[i].meant;
	return "look here and just before: is a \"=\", \"}\" or \",\" missing, or is a \",\" too "
	       "many before a closing bracket?";
}

/* Tells one error that stands alone. */
static enum config_result
give_up(char *line, config_error_fn report, void *context)
{
	for (char *p = line; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	report(context, line);
	return CONFIG_UNREADABLE;
}

static enum config_result
read_tree(struct source *source, struct config **config, config_error_fn report, void *context)
{
	struct reader reader = { .source = source };
	enum config_result result = CONFIG_GOOD;
	char error[SOURCE_ERROR_BYTES];
	config_t tree;

	config_init(&tree);
	if (config_read_string(&tree, source_text(source)) != CONFIG_TRUE) {
		struct place place = source_place(source, (unsigned)config_error_line(&tree));
		snprintf(error, sizeof(error), "%s:%u: syntax error: %s", place.file, place.line,
			explain_syntax(config_error_text(&tree)));
		result = give_up(error, report, context);
		goto destroy_tree;
	}
	reader.config = make_config();
	if (reader.config != NULL)
		read_sections(&reader, config_root_setting(&tree));
	if (reader.config == NULL || reader.out_of_memory) {
		snprintf(error, sizeof(error), "%s: out of memory", source_place(source, 1).file);
		result = give_up(error, report, context);
	} else if (reader_tell(&reader, report, context)) {
		result = CONFIG_RULES_BROKEN;
	}
	reader_clear(&reader);
	if (result == CONFIG_GOOD)
		*config = reader.config;
	else
		config_free(reader.config);
destroy_tree:
	config_destroy(&tree);
	return result;
}

enum config_result
config_load(const char *path, struct config **config, config_error_fn report, void *context)
{
	char error[SOURCE_ERROR_BYTES];
	struct source *source = source_read(path, error);

	*config = NULL;
	if (source == NULL)
		return give_up(error, report, context);
	enum config_result result = read_tree(source, config, report, context);
	source_free(source);
	return result;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (unsigned i = 0; i < config->n_ports; i++)
		free(config->ports[i].addresses);
	for (unsigned i = 0; i < config->n_tunnels; i++) {
		free(config->tunnels[i].addresses);
		free(config->tunnels[i].selectors);
	}
	for (unsigned i = 0; i < config->n_routes; i++)
		free(config->routes[i].nexthops);
	if (config->sas != NULL)
		explicit_bzero(config->sas, config->n_sas * sizeof(*config->sas));
	free(config->ports);
	free(config->tunnels);
	free(config->routes);
	free(config->neighbors);
	free(config->sas);
	free(config);
}
