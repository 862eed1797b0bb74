/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys.h"

#include <string.h>

#include "words.h"

#define NAMES_BYTES 256

/* The name in a row of one of the tables of algorithms; NULL behind the last. */
typedef const char *(*name_fn)(unsigned row);

static const char *
encryption_name(unsigned row)
{
	const struct encryption *encryption = suite_encryption_row(row);

	return encryption != NULL ? encryption->name : NULL;
}

static const char *
authentication_name(unsigned row)
{
	const struct authentication *authentication = suite_authentication_row(row);

	return authentication != NULL ? authentication->name : NULL;
}

static const char *
names(name_fn name_of, char list[NAMES_BYTES])
{
	const char *name;

	list[0] = '\0';
	for (unsigned row = 0; (name = name_of(row)) != NULL; row++)
		words_list(list, NAMES_BYTES, name);
	return list;
}

static void
refuse_name(struct reader *reader, const config_setting_t *setting, name_fn name_of)
{
	char list[NAMES_BYTES];

	reader_value_error(reader, setting, "it must be one of: %s", names(name_of, list));
}

FIELD_READER(keys_encryption)
{
	const char *name = value_string(reader, setting);
	struct suite *suite = value;

	(void)field;
	if (name == NULL)
		return false;
	suite->encryption = suite_encryption_find(name);
	if (suite->encryption == NULL)
		refuse_name(reader, setting, encryption_name);
	return suite->encryption != NULL;
}

FIELD_READER(keys_authentication)
{
	const char *name = value_string(reader, setting);
	struct suite *suite = value;

	(void)field;
	if (name == NULL)
		return false;
	suite->authentication = suite_authentication_find(name);
	if (suite->authentication == NULL)
		refuse_name(reader, setting, authentication_name);
	return suite->authentication != NULL;
}

FIELD_READER(keys_later)
{
	(void)reader, (void)field, (void)setting, (void)value;
	return true;
}

/* The value of a hexadecimal digit, -1 for another character. */
static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What a key is made of. */
struct key_form {
	const char *algorithm;
	size_t key_bytes, salt_bytes;
};

static void
length_error(struct reader *reader, const config_setting_t *setting, const struct key_form *form,
	size_t digits)
{
	size_t wanted = (form->key_bytes + form->salt_bytes) * 2;
	const char *name = config_setting_name(setting);

	if (form->salt_bytes > 0)
		reader_error(reader, setting,
			"%s: it has %zu hexadecimal digits, but %s wants %zu: a key of %zu bytes, "
			"then a salt of %zu",
			name, digits, form->algorithm, wanted, form->key_bytes, form->salt_bytes);
	else
		reader_error(reader, setting,
			"%s: it has %zu hexadecimal digits, but %s wants %zu: a key of %zu bytes",
			name, digits, form->algorithm, wanted, form->key_bytes);
}

static void
read_key(struct reader *reader, const config_setting_t *setting, const struct key_form *form,
	uint8_t *key)
{
	const char *number = value_string(reader, setting);
	size_t digits, bad = 0;

	if (number == NULL)
		return;
	const char *hex = source_secret(reader->source, number, &digits);
	if (hex == NULL) {
		reader_error(reader, setting,
			"%s: it must be one string of hexadecimal digits, not several",
			config_setting_name(setting));
		return;
	}
	for (size_t i = 0; i < digits; i++)
		bad += digit(hex[i]) < 0;
	if (bad > 0) {
		reader_error(reader, setting,
			"%s: it must consist of hexadecimal digits alone, without 0x or blanks",
			config_setting_name(setting));
		return;
	}
	if (digits != (form->key_bytes + form->salt_bytes) * 2) {
		length_error(reader, setting, form, digits);
		return;
	}
	for (size_t i = 0; i < digits; i += 2)
		key[i / 2] = (uint8_t)(digit(hex[i]) << 4 | digit(hex[i + 1]));
}

/* An AEAD authenticates by itself (RFC 4106, RFC 7634). */
static void
refuse_authentication(struct reader *reader, const config_setting_t *group, const char *encryption)
{
	static const char *const settings[] = { "authentication", "authentication_key" };

	for (unsigned i = 0; i < ARRAY_LEN(settings); i++) {
		const config_setting_t *setting = config_setting_get_member(group, settings[i]);
		if (setting != NULL)
			reader_error(reader, setting,
				"%s: %s authenticates by itself; leave it out", settings[i],
				encryption);
	}
}

/* CBC without it is open to whoever can change packets (RFC 4303 2.8, RFC 8221 4). */
static void
read_authentication(struct reader *reader, const config_setting_t *group, struct config_sa *sa)
{
	const struct authentication *row = sa->suite.authentication;
	const config_setting_t *name = config_setting_get_member(group, "authentication");
	const config_setting_t *key = config_setting_get_member(group, "authentication_key");
	char list[NAMES_BYTES];

	if (name == NULL)
		reader_error(reader, group,
			"a security association with %s needs the setting \"authentication\", one "
			"of: %s",
			sa->suite.encryption->name, names(authentication_name, list));
	if (key == NULL)
		reader_error(reader, group,
			"a security association with %s needs the setting \"authentication_key\"",
			sa->suite.encryption->name);
	if (row != NULL && key != NULL) {
		struct key_form form = { row->name, row->key_bytes, 0 };
		read_key(reader, key, &form, sa->authentication_key);
	}
}

void
keys_read(struct reader *reader, const config_setting_t *group, struct config_sa *sa)
{
	const struct encryption *row = sa->suite.encryption;
	const config_setting_t *key = config_setting_get_member(group, "encryption_key");
	struct key_form form = { row->name, row->key_bytes, row->salt_bytes };

	if (key != NULL)
		read_key(reader, key, &form, sa->encryption_key);
	if (row->aead)
		refuse_authentication(reader, group, row->name);
	else
		read_authentication(reader, group, sa);
}
