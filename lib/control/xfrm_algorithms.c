/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_algorithms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/xfrm.h>

#include "compiler.h"

#define NAME_BYTES_MAX sizeof(((struct xfrm_algo *)NULL)->alg_name)
#define KEY_BYTES_MAX 64

/* Names as the kernel lists them, and the older ones that it takes too; charon says these. */
static const struct mac_name {
	const char *name;
	const char *alias;
	enum mac mac;
	unsigned truncation_bits; /* what XFRMA_ALG_AUTH means in the kernel */
} macs[] = {
	{ "hmac(sha1)", "sha1", MAC_HMAC_SHA1, 96 },
	/* So it was before RFC 4868, and so it stayed: 128 must be asked for. */
	{ "hmac(sha256)", "sha256", MAC_HMAC_SHA256, 96 },
	{ "hmac(sha384)", "sha384", MAC_HMAC_SHA384, 192 },
	{ "hmac(sha512)", "sha512", MAC_HMAC_SHA512, 256 },
};

static const struct cipher_name {
	const char *name;
	const char *alias;
	enum cipher cipher;
} ciphers[] = {
	{ "cbc(aes)", "aes", CIPHER_AES_CBC },
	{ "rfc4106(gcm(aes))", NULL, CIPHER_AES_GCM },
	{ "rfc7539esp(chacha20,poly1305)", NULL, CIPHER_CHACHA20_POLY1305 },
};

/* One algorithm attribute, whatever its kind. */
struct algorithm {
	char name[NAME_BYTES_MAX];
	uint32_t key_bits;
	uint32_t icv_bits; /* ALG_AUTH_TRUNC, ALG_AEAD */
	const uint8_t *key;
};

uint16_t
xfrm_encryption_key_bytes(struct suite suite)
{
	return (uint16_t)(suite.encryption->key_bytes + suite.encryption->salt_bytes);
}

uint16_t
xfrm_authentication_key_bytes(struct suite suite)
{
	return suite.authentication != NULL ? suite.authentication->key_bytes : 0;
}

/* --- reading --- */

static bool
has_icv_length(unsigned type)
{
	return type == XFRMA_ALG_AUTH_TRUNC || type == XFRMA_ALG_AEAD;
}

static int
read_algorithm(const struct netlink_attribute *attribute, struct algorithm *algorithm,
	struct netlink_refusal *why)
{
	struct netlink_span span = { attribute->data, attribute->bytes };

	*algorithm = (struct algorithm) { .key = NULL };
	if (!netlink_take(&span, algorithm->name, sizeof(algorithm->name)) ||
		!netlink_take(&span, &algorithm->key_bits, sizeof(algorithm->key_bits)) ||
		(has_icv_length(attribute->type) &&
			!netlink_take(&span, &algorithm->icv_bits, sizeof(algorithm->icv_bits))))
		return netlink_refuse(
			why, EINVAL, "attribute %u ends within its algorithm", attribute->type);
	if (memchr(algorithm->name, 0, sizeof(algorithm->name)) == NULL)
		return netlink_refuse(why, EINVAL,
			"the name of the algorithm in attribute %u has no end", attribute->type);
	if (algorithm->key_bits % 8 != 0 || algorithm->key_bits / 8 > span.bytes)
		return netlink_refuse(why, EINVAL,
			"the key of '%s' is said to have %u bits, the attribute holds %zu",
			algorithm->name, algorithm->key_bits, 8 * span.bytes);
	algorithm->key = span.at;
	return 0;
}

static bool
is_called(const char *given, const char *name, const char *alias)
{
	return strcmp(given, name) == 0 || (alias != NULL && strcmp(given, alias) == 0);
}

static const struct cipher_name *
find_cipher(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(ciphers); i++)
		if (is_called(name, ciphers[i].name, ciphers[i].alias))
			return &ciphers[i];
	return NULL;
}

static const struct mac_name *
find_mac(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(macs); i++)
		if (is_called(name, macs[i].name, macs[i].alias))
			return &macs[i];
	return NULL;
}

static int
read_cipher(const struct netlink_attribute *attribute, struct xfrm_keys *keys,
	struct netlink_refusal *why)
{
	bool aead = attribute->type == XFRMA_ALG_AEAD;
	const struct encryption *row;
	struct algorithm given;
	int error = read_algorithm(attribute, &given, why);

	if (error < 0)
		return error;
	const struct cipher_name *cipher = find_cipher(given.name);
	if (cipher == NULL || aead != (cipher->cipher != CIPHER_AES_CBC))
		return netlink_refuse(why, ENOSYS,
			aead ? "there is no AEAD '%s'; there are rfc4106(gcm(aes)) and "
			       "rfc7539esp(chacha20,poly1305)"
			     : "there is no encryption '%s'; there is cbc(aes)",
			given.name);
	for (unsigned i = 0; (row = suite_encryption_row(i)) != NULL; i++)
		if (row->cipher == cipher->cipher &&
			8u * (row->key_bytes + row->salt_bytes) == given.key_bits)
			break;
	if (row == NULL)
		return netlink_refuse(why, EINVAL, "%s takes no key of %u bits%s", cipher->name,
			given.key_bits, aead ? "; a salt of 32 bits is part of it" : "");
	if (aead && given.icv_bits != 8u * row->icv_bytes)
		return netlink_refuse(why, EINVAL, "%s has an ICV of %u bits here, not of %u",
			cipher->name, 8u * row->icv_bytes, given.icv_bits);
	keys->suite.encryption = row;
	keys->encryption = given.key;
	return 0;
}

static int
read_mac(const struct netlink_attribute *attribute, struct xfrm_keys *keys,
	struct netlink_refusal *why)
{
	const struct authentication *row;
	struct algorithm given;
	int error = read_algorithm(attribute, &given, why);

	if (error < 0)
		return error;
	const struct mac_name *mac = find_mac(given.name);
	if (mac == NULL)
		return netlink_refuse(why, ENOSYS,
			"there is no authentication '%s'; there are hmac(sha1), hmac(sha256), "
			"hmac(sha384) and hmac(sha512)",
			given.name);
	if (attribute->type == XFRMA_ALG_AUTH || given.icv_bits == 0)
		given.icv_bits = mac->truncation_bits;
	for (unsigned i = 0; (row = suite_authentication_row(i)) != NULL; i++)
		if (row->mac == mac->mac)
			break;
	if (row == NULL || given.icv_bits != 8u * row->icv_bytes)
		return netlink_refuse(why, EINVAL,
			"%s truncated to %u bits is not there, to %u it is (XFRMA_ALG_AUTH means "
			"%u)",
			mac->name, given.icv_bits, row == NULL ? 0 : 8u * row->icv_bytes,
			mac->truncation_bits);
	if (given.key_bits != 8u * row->key_bytes)
		return netlink_refuse(why, EINVAL, "%s takes a key of %u bits, this one has %u",
			mac->name, 8u * row->key_bytes, given.key_bits);
	keys->suite.authentication = row;
	keys->authentication = given.key;
	return 0;
}

int
xfrm_algorithms_read(
	const struct netlink_attribute found[], struct xfrm_keys *keys, struct netlink_refusal *why)
{
	const struct netlink_attribute *aead = &found[XFRMA_ALG_AEAD];
	const struct netlink_attribute *crypt = &found[XFRMA_ALG_CRYPT];
	/* Where both are given, the one that says its truncation counts, as in the kernel. */
	const struct netlink_attribute *auth = found[XFRMA_ALG_AUTH_TRUNC].data != NULL
		? &found[XFRMA_ALG_AUTH_TRUNC]
		: &found[XFRMA_ALG_AUTH];

	*keys = (struct xfrm_keys) { .encryption = NULL };
	if (aead->data != NULL) {
		if (crypt->data != NULL || auth->data != NULL)
			return netlink_refuse(
				why, EINVAL, "an AEAD needs no other algorithm beside it");
		return read_cipher(aead, keys, why);
	}
	if (crypt->data == NULL && auth->data == NULL)
		return netlink_refuse(why, EINVAL, "no algorithm is given");
	/* RFC 4303 3.2: encryption alone is optional, and a bad idea. */
	if (crypt->data == NULL || auth->data == NULL)
		return netlink_refuse(why, EOPNOTSUPP, "%s alone is not supported",
			crypt->data == NULL ? "authentication" : "encryption");
	int error = read_cipher(crypt, keys, why);
	return error < 0 ? error : read_mac(auth, keys, why);
}

/* --- writing --- */

static const char *
cipher_name(enum cipher cipher)
{
	for (unsigned i = 0; i < ARRAY_LEN(ciphers); i++)
		if (ciphers[i].cipher == cipher)
			return ciphers[i].name;
	return "";
}

static const char *
mac_name(enum mac mac)
{
	for (unsigned i = 0; i < ARRAY_LEN(macs); i++)
		if (macs[i].mac == mac)
			return macs[i].name;
	return "";
}

/* What stands before the key in struct xfrm_algo_auth and xfrm_algo_aead, and but for its last
 * field in xfrm_algo. */
struct prologue {
	char name[NAME_BYTES_MAX];
	uint32_t key_bits;
	uint32_t icv_bits;
};

_Static_assert(sizeof(struct prologue) == sizeof(struct xfrm_algo_auth), "as the kernel has it");

static void
put_algorithm(struct netlink_writer *writer, uint16_t type, const struct prologue *prologue,
	const uint8_t *key)
{
	uint8_t bytes[sizeof(*prologue) + KEY_BYTES_MAX] = { 0 };
	size_t front = has_icv_length(type) ? sizeof(*prologue) : sizeof(struct xfrm_algo);
	size_t key_bytes = prologue->key_bits / 8;

	memcpy(bytes, prologue, front);
	if (key != NULL)
		memcpy(bytes + front, key, key_bytes);
	netlink_put_attribute(writer, type, bytes, (uint16_t)(front + key_bytes));
	explicit_bzero(bytes, sizeof(bytes));
}

void
xfrm_algorithms_write(struct netlink_writer *writer, const struct xfrm_keys *keys)
{
	const struct encryption *encryption = keys->suite.encryption;
	const struct authentication *authentication = keys->suite.authentication;
	struct prologue prologue = { .key_bits = 8u * xfrm_encryption_key_bytes(keys->suite) };

	snprintf(prologue.name, sizeof(prologue.name), "%s", cipher_name(encryption->cipher));
	if (encryption->aead) {
		prologue.icv_bits = 8u * encryption->icv_bytes;
		put_algorithm(writer, XFRMA_ALG_AEAD, &prologue, keys->encryption);
		return;
	}
	struct prologue mac = {
		.key_bits = 8u * authentication->key_bytes,
		.icv_bits = 8u * authentication->icv_bytes,
	};
	snprintf(mac.name, sizeof(mac.name), "%s", mac_name(authentication->mac));
	put_algorithm(writer, XFRMA_ALG_AUTH, &mac, keys->authentication);
	put_algorithm(writer, XFRMA_ALG_AUTH_TRUNC, &mac, keys->authentication);
	put_algorithm(writer, XFRMA_ALG_CRYPT, &prologue, keys->encryption);
}
