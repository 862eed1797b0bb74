/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "values.h"

#define SPI_MIN 256              /* RFC 4303 2.1: 1 to 255 are reserved, 0 is never sent */
#define REPLAY_WINDOW_DEFAULT 64 /* RFC 4303 3.4.3 */

static FIELD_READER(sa_direction)
{
	const char *text = value_string(reader, setting);
	bool *outbound = value;

	(void)field;
	if (text == NULL)
		return false;
	*outbound = strcmp(text, "out") == 0;
	if (*outbound || strcmp(text, "in") == 0)
		return true;
	reader_value_error(reader, setting, "it must be \"in\" or \"out\"");
	return false;
}

/* An int, or a string that holds one: files often have SPIs in hexadecimal, in which libconfig's
 * ints are signed. */
static FIELD_READER(sa_spi)
{
	long long spi;

	(void)field;
	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		const char *text = config_setting_get_string(setting);
		bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
		const char *digits = hex ? text + 2 : text;
		size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
		if (n == 0 || n > 10 || digits[n] != '\0') {
			reader_value_error(reader, setting,
				"an SPI is a number of 32 bits, such as 0x1001 or 4097");
			return false;
		}
		spi = strtoll(digits, NULL, hex ? 16 : 10);
	} else if (!value_integer(reader, setting, &spi)) {
		return false;
	}
	*(uint32_t *)value = (uint32_t)spi;
	if (spi >= SPI_MIN && spi <= UINT32_MAX)
		return true;
	reader_value_error(reader, setting,
		"it must be from 0x100 to 0xFFFFFFFF; those below are reserved (RFC 4303 2.1)");
	return false;
}

static FIELD_READER(sa_replay_window)
{
	uint64_t window;

	(void)field;
	if (!value_number(reader, setting, 0, REPLAY_WINDOW_MAX, &window))
		return false;
	*(uint32_t *)value = (uint32_t)window;
	if (window == 0 || window >= REPLAY_WINDOW_MIN)
		return true;
	reader_value_error(reader, setting,
		"it must be 0 (no replay check) or from %d to %d; the minimum is %d",
		REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX, REPLAY_WINDOW_MIN);
	return false;
}

enum sa_row {
	SA_TUNNEL,
	SA_DIRECTION,
	SA_SPI,
	SA_REMOTE,
	SA_ENCRYPTION,
	SA_ENCRYPTION_KEY,
	SA_AUTHENTICATION,
	SA_AUTHENTICATION_KEY,
	SA_ESN,
	SA_SEQUENCE,
	SA_ENCAP_SPORT,
	SA_ENCAP_DPORT,
};
#define SA_FIELD(member) offsetof(struct config_sa, member)
static const struct field sa_field[] = {
	[SA_TUNNEL] = { "tunnel", REQUIRED, value_tunnel, SA_FIELD(tunnel) },
	[SA_DIRECTION] = { "direction", REQUIRED, sa_direction, SA_FIELD(outbound) },
	[SA_SPI] = { "spi", REQUIRED, sa_spi, SA_FIELD(spi) },
	[SA_REMOTE] = { "remote", OPTIONAL, value_address, SA_FIELD(remote) },
	[SA_ENCRYPTION] = { "encryption", REQUIRED, keys_encryption, SA_FIELD(suite) },
	[SA_ENCRYPTION_KEY] = { "encryption_key", REQUIRED, keys_later, 0 },
	[SA_AUTHENTICATION] = { "authentication", OPTIONAL, keys_authentication, SA_FIELD(suite) },
	[SA_AUTHENTICATION_KEY] = { "authentication_key", OPTIONAL, keys_later, 0 },
	[SA_ESN] = { "esn", OPTIONAL, value_bool, SA_FIELD(esn) },
	[SA_SEQUENCE] = { "sequence", OPTIONAL, value_u64, SA_FIELD(sequence), 0,
		VALUE_NUMBER_MAX },
	[SA_ENCAP_SPORT] = { "encap_sport", OPTIONAL, value_u16, SA_FIELD(encap_sport), 1,
		UINT16_MAX },
	[SA_ENCAP_DPORT] = { "encap_dport", OPTIONAL, value_u16, SA_FIELD(encap_dport), 1,
		UINT16_MAX },
	{ "replay_window", OPTIONAL, sa_replay_window, SA_FIELD(replay_window) },
	{ "lifetime_packets", OPTIONAL, value_u64, SA_FIELD(lifetime_packets), 0,
		VALUE_NUMBER_MAX },
	{ "lifetime_bytes", OPTIONAL, value_u64, SA_FIELD(lifetime_bytes), 0, VALUE_NUMBER_MAX },
	{ "lifetime_seconds", OPTIONAL, value_u64, SA_FIELD(lifetime_seconds), 0,
		VALUE_NUMBER_MAX },
};
static const struct fields sa_fields = { "a security association", sa_field, ARRAY_LEN(sa_field) };

/* Sets the SA's remote end from its tunnel; where that is "%any", the SA says it itself. */
static void
settle_remote(struct reader *reader, const config_setting_t *group, struct config_sa *sa)
{
	const config_setting_t *setting = config_setting_get_member(group, "remote");
	const struct config_tunnel *tunnel = &reader->config->tunnels[sa->tunnel];

	if (tunnel->remote == ADDRESS_REFUSED)
		return;
	if (tunnel->remote == 0 && setting == NULL)
		reader_error(reader, group,
			"a security association needs the setting \"remote\" where its tunnel's "
			"is \"%%any\"");
	else if (tunnel->remote != 0 && setting != NULL && sa->remote != tunnel->remote)
		reader_value_error(reader, setting,
			"its tunnel has another remote address; leave this one out");
	if (tunnel->remote != 0)
		sa->remote = tunnel->remote;
}

/* RFC 4301 4.1: SPI and destination name an SA. The destination is ours for what comes in. */
static void
check_unique(struct reader *reader, const config_setting_t *group, struct index *known,
	const struct config_sa *sa)
{
	const struct config_tunnel *tunnel = &reader->config->tunnels[sa->tunnel];
	const uint32_t key[] = { sa->outbound, sa->spi, sa->outbound ? sa->remote : tunnel->local };

	if (key[2] != 0 && key[2] != ADDRESS_REFUSED)
		reader_unique(reader, known, (struct index_key) { key, sizeof(key) }, 0,
			config_setting_get_member(group, "spi"),
			sa->outbound ? "the SPI, outbound to that remote address,"
				     : "the SPI, inbound to that local address,");
}

static void
check_numbers(struct reader *reader, const config_setting_t *group, struct fields_read read,
	const struct config_sa *sa)
{
	const uint32_t encap = FIELD_BIT(SA_ENCAP_SPORT) | FIELD_BIT(SA_ENCAP_DPORT);
	const uint32_t sequence = FIELD_BIT(SA_SEQUENCE);
	bool esn_good = (read.present & ~read.good & FIELD_BIT(SA_ESN)) == 0;

	if ((read.present & encap) != 0 && (read.present & encap) != encap)
		reader_error(reader, group,
			"encap_sport and encap_dport: give both (NAT traversal) or none");
	/* RFC 4303 3.3.3: 32 bits unless extended. */
	if (fields_good(read, sequence) && esn_good && !sa->esn && sa->sequence > UINT32_MAX)
		reader_value_error(reader, config_setting_get_member(group, "sequence"),
			"without esn = true it must be from 0 to %" PRIu32, UINT32_MAX);
	/* RFC 4303 3.4.3: the high half, never sent, is told by the window. */
	if (esn_good && sa->esn && !sa->outbound && sa->replay_window == 0)
		reader_error(reader, group,
			"replay_window = 0 cannot go with esn = true; give it %d or more",
			REPLAY_WINDOW_MIN);
}

static void
read_sa(struct reader *reader, const config_setting_t *group, struct index *known,
	struct config_sa *sa)
{
	sa->line = reader_file_line(reader, group);
	sa->replay_window = REPLAY_WINDOW_DEFAULT;
	struct fields_read read = reader_group(reader, group, &sa_fields, sa);

	if (fields_good(read, FIELD_BIT(SA_ENCRYPTION)))
		keys_read(reader, group, sa);
	check_numbers(reader, group, read, sa);
	if (fields_good(read, FIELD_BIT(SA_TUNNEL)))
		settle_remote(reader, group, sa);
	if (fields_good(read, FIELD_BIT(SA_TUNNEL) | FIELD_BIT(SA_DIRECTION) | FIELD_BIT(SA_SPI)))
		check_unique(reader, group, known, sa);
	if (sa->outbound)
		sa->replay_window = 0;
}

/* Keys are for their owner's eyes: every file they may stand in. */
static void
check_modes(struct reader *reader, const config_setting_t *setting)
{
	const char *path;
	mode_t mode;

	for (unsigned i = 0; (path = source_file(reader->source, i, &mode)) != NULL; i++)
		if ((mode & 077) != 0)
			reader_error(reader, setting,
				"security_associations hold keys, but %s is open to others than "
				"its owner (mode %04o); run: chmod 600 %s",
				path, (unsigned)mode & 07777, path);
}

void
section_sas(struct reader *reader, const config_setting_t *setting)
{
	struct config *config = reader->config;
	struct index known = { 0 };

	config->sas =
		reader_list(reader, setting, sizeof(*config->sas), UINT32_MAX, &config->n_sas);
	if (config_setting_length(setting) > 0)
		check_modes(reader, setting);
	for (unsigned i = 0; i < config->n_sas; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_sa(reader, group, &known, &config->sas[i]);
	}
	index_clear(&known);
}
