/* SCRAM-SHA-256 (RFC 5802, 7677); names and passwords of ASCII, which SASLprep leaves as they are.
 */
#include "opty.h"
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/pbkdf2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH = SHA256_DIGEST_SIZE, SALT_MAX = 64, FEWEST = 4096, MOST = 200000 };

static void hmac(const uint8_t *key, size_t n, const char *text, uint8_t out[HASH])
{
	struct hmac_sha256_ctx h;

	hmac_sha256_set_key(&h, n, key);
	hmac_sha256_update(&h, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&h, HASH, out);
}

static void base64(const uint8_t *p, size_t n, char *out)
{
	base64_encode_raw(out, n, p);
	out[BASE64_ENCODE_RAW_LENGTH(n)] = 0;
}

void scram_first(struct scram *c, const char *user)
{
	struct buf name = {0};

	for (; *user; user++) {
		if (*user == ',' || *user == '=')
			buf_text(&name, *user == ',' ? "=2C" : "=3D");
		else
			buf_add(&name, user, 1);
	}
	random_id(c->nonce);
	snprintf(c->first, sizeof(c->first), "n,,n=%s,r=%s", name.p ? name.p : "", c->nonce);
	buf_free(&name);
}

/* The server's word in parts; how often it wants to hash is bounded, for nobody else is served
 * then. */
static int read_challenge(const struct scram *c, const char *challenge, uint8_t salt[SALT_MAX],
			  size_t *salt_size, unsigned *count)
{
	const char *s = strstr(challenge, ",s="), *i = strstr(challenge, ",i=");
	size_t text = s ? strcspn(s + 3, ",") : 0;
	struct base64_decode_ctx d;
	long n = i ? strtol(i + 3, NULL, 10) : 0;

	if (strncmp(challenge, "r=", 2) || strncmp(challenge + 2, c->nonce, ID_CHARS))
		return -1;
	if (strcspn(challenge, ",") > 400 || !text || text > SALT_MAX || n < FEWEST || n > MOST)
		return -1;
	base64_decode_init(&d);
	if (!base64_decode_update(&d, salt_size, salt, text, s + 3) || !base64_decode_final(&d))
		return -1;
	*count = (unsigned)n;
	return 0;
}

int scram_answer(struct scram *c, const char *password, const char *challenge)
{
	uint8_t salt[SALT_MAX], salted[HASH], key[HASH], stored[HASH], sign[HASH];
	char without[500], auth[1400], proof[64];
	size_t salt_size;
	unsigned count;

	if (read_challenge(c, challenge, salt, &salt_size, &count))
		return -1;
	pbkdf2_hmac_sha256(strlen(password), (const uint8_t *)password, count, salt_size, salt,
			   HASH, salted);
	hmac(salted, HASH, "Client Key", key);
	struct sha256_ctx h;

	sha256_init(&h);
	sha256_update(&h, HASH, key);
	sha256_digest(&h, HASH, stored);
	snprintf(without, sizeof(without), "c=biws,%.*s", (int)strcspn(challenge, ","), challenge);
	snprintf(auth, sizeof(auth), "%s,%s,%s", c->first + 3, challenge, without);
	hmac(stored, HASH, auth, sign);
	for (int i = 0; i < HASH; i++)
		key[i] ^= sign[i];
	base64(key, HASH, proof);
	snprintf(c->last, sizeof(c->last), "%s,p=%s", without, proof);
	hmac(salted, HASH, "Server Key", key);
	hmac(key, HASH, auth, sign);
	snprintf(c->signature, sizeof(c->signature), "v=");
	base64(sign, HASH, c->signature + 2);
	return 0;
}

bool scram_proved(const struct scram *c, const char *payload)
{
	return !strncmp(payload, c->signature, strlen(c->signature));
}
