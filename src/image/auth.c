#include "image/auth.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/when.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CONFIG_MAX = 1 << 20 };
static const int64_t helper_timeout_ns = 30 * NS_PER_SEC;

char *auth_basic(struct arena *a, const struct credentials *c)
{
	return arena_printf(
		a, "Basic %s",
		base64_encode(a, span_of(arena_printf(a, "%s:%s", c->user, c->password))));
}

static const char *config_path(struct arena *a)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (dir && *dir)
		return arena_printf(a, "%s/config.json", dir);
	return arena_printf(a, "%s/.docker/config.json", home && *home ? home : "/root");
}

/* "{}" where there is none. */
static int config_text(struct arena *a, struct span *out, struct err *e)
{
	const char *path = config_path(a);

	*out = span_of("{}");
	return access(path, F_OK) < 0 ? 0 : file_read(a, AT_FDCWD, path, CONFIG_MAX, out, e);
}

static int read_config(struct arena *a, json_t **out, struct err *e)
{
	struct span s;
	int r = config_text(a, &s, e);

	if (!r)
		r = json_read(s.p, s.n, out, e);
	return r < 0 ? err_wrap(e, "read %s", config_path(a)) : 0;
}

/* The keys under which docker files a registry. */
static size_t keys_of(struct arena *a, const char *domain, const char *keys[5])
{
	size_t n = 0;

	if (!strcmp(domain, "docker.io")) {
		keys[n++] = "https://index.docker.io/v1/";
		keys[n++] = "index.docker.io";
	}
	keys[n++] = domain;
	keys[n++] = arena_printf(a, "https://%s", domain);
	keys[n++] = arena_printf(a, "https://%s/v2/", domain);
	return n;
}

static const char *helper_of(const json_t *config, const char *const *keys, size_t n)
{
	const json_t *helpers = json_object_get(config, "credHelpers");

	for (size_t i = 0; i < n; i++) {
		if (json_string_or(helpers, keys[i], NULL))
			return json_string_or(helpers, keys[i], NULL);
	}
	return json_string_or(config, "credsStore", NULL);
}

static int run_helper(struct arena *a, const char *helper, const char *verb, const char *input,
		      struct span *output, struct err *e)
{
	const char *program = arena_printf(a, "docker-credential-%s", helper);
	const char *const argv[] = {program, verb, NULL};
	const struct proc p = {.argv = argv,
			       .input = span_of(input),
			       .limit = CONFIG_MAX,
			       .timeout_ns = helper_timeout_ns};
	int status, r;

	if (!*helper || strpbrk(helper, "/ "))
		return err_set(e, EINVAL, "\"%.80s\" is not the name of a credential helper",
			       helper);
	r = proc_run(a, &p, &status, output, e);
	if (r < 0)
		return err_wrap(e, "run %s", program);
	return status ? 1 : 0;
}

int auth_read_answer(struct arena *a, struct span text, struct credentials *out, struct err *e)
{
	auto_json *j = NULL;
	int r = json_read(text.p, text.n, &j, e);

	if (r < 0)
		return r;
	out->user = arena_printf(a, "%s", json_string_or(j, "Username", ""));
	out->password = arena_printf(a, "%s", json_string_or(j, "Secret", ""));
	if (!strcmp(out->user, "<token>"))
		*out = (struct credentials){.identity_token = out->password};
	return 0;
}

static int ask_helper(struct arena *a, const char *helper, const char *key, struct credentials *out,
		      struct err *e)
{
	struct span text;
	int r = run_helper(a, helper, "get", key, &text, e);

	if (r)
		return r < 0 ? r : 0; /* it knows nothing of this registry */
	r = auth_read_answer(a, text, out, e);
	return r < 0 ? err_wrap(e, "read the answer of docker-credential-%s", helper) : 0;
}

static void read_entry(struct arena *a, const json_t *j, struct credentials *out)
{
	const char *both = json_string_or(j, "auth", NULL);
	const char *token = json_string_or(j, "identitytoken", NULL);
	auto_buf decoded = {0};
	char *plain, *colon;

	if (token && *token)
		out->identity_token = arena_printf(a, "%s", token);
	plain = both && *both && !base64_decode(both, &decoded) ? buf_take(a, &decoded) : NULL;
	colon = plain ? strchr(plain, ':') : NULL;
	if (colon) {
		*colon = '\0';
		out->user = plain;
		out->password = colon + 1;
	} else if (json_string_or(j, "username", NULL)) {
		out->user = arena_printf(a, "%s", json_string_or(j, "username", ""));
		out->password = arena_printf(a, "%s", json_string_or(j, "password", ""));
	}
}

static void from_config(struct arena *a, const json_t *config, const char *const *keys, size_t n,
			struct credentials *out)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *j = json_object_get(json_object_get(config, "auths"), keys[i]);

		if (!json_is_object(j))
			continue;
		read_entry(a, j, out);
		return;
	}
}

int auth_read_config(struct arena *a, struct span text, const char *domain, const char **helper,
		     struct credentials *out, struct err *e)
{
	auto_json *config = NULL;
	const char *keys[5], *name;
	size_t n = keys_of(a, domain, keys);
	int r = json_read(text.p, text.n, &config, e);

	if (r < 0)
		return r;
	*out = (struct credentials){0};
	name = helper_of(config, keys, n);
	*helper = name ? arena_printf(a, "%s", name) : NULL;
	from_config(a, config, keys, n, out);
	return 0;
}

int auth_find(struct arena *a, const char *domain, struct credentials *out, struct err *e)
{
	struct credentials plain, told = {0};
	const char *keys[5], *helper;
	size_t n = keys_of(a, domain, keys);
	struct span text;
	int r = config_text(a, &text, e);

	if (!r)
		r = auth_read_config(a, text, domain, &helper, &plain, e);
	if (r < 0)
		return err_wrap(e, "read %s", config_path(a));
	for (size_t i = 0; helper && i < n && !told.user && !told.identity_token; i++) {
		r = ask_helper(a, helper, keys[i], &told, e);
		if (r < 0)
			return r;
	}
	*out = told.user || told.identity_token ? told : plain;
	return 0;
}

static int write_config(struct arena *a, json_t *config, struct err *e)
{
	auto_free char *text = json_dumps(config, JSON_INDENT(2));
	const char *path = config_path(a);
	char *dir = arena_printf(a, "%s", path);
	int r;

	*strrchr(dir, '/') = '\0';
	r = file_mkdirs(dir, 0700, e);
	return r < 0 ? r : file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_DURABLE, e);
}

int auth_store(struct arena *a, const char *domain, const struct credentials *c, const char **where,
	       struct err *e)
{
	auto_json *config = NULL, *secret = NULL;
	auto_free char *text = NULL;
	const char *keys[5], *helper;
	size_t n = keys_of(a, domain, keys);
	struct span output;
	json_t *auths;
	int r = read_config(a, &config, e);

	if (r < 0)
		return r;
	helper = helper_of(config, keys, n);
	if (helper) {
		secret = json_pack("{ssssss}", "ServerURL", keys[0], "Username", c->user, "Secret",
				   c->password);
		text = json_dumps(secret, JSON_COMPACT);
		r = run_helper(a, helper, "store", text, &output, e);
		*where = arena_printf(a, "docker-credential-%s", helper);
		return r > 0 ? err_set(e, EIO, "%s could not keep the credentials", *where) : r;
	}
	auths = json_object_get(config, "auths");
	if (!json_is_object(auths)) {
		auths = json_object();
		json_object_set_new(config, "auths", auths);
	}
	json_object_set_new(auths, keys[0],
			    json_pack("{ss}", "auth",
				      base64_encode(a, span_of(arena_printf(a, "%s:%s", c->user,
									    c->password)))));
	*where = config_path(a);
	return write_config(a, config, e);
}

int auth_erase(struct arena *a, const char *domain, bool *was_there, struct err *e)
{
	auto_json *config = NULL;
	const char *keys[5], *helper;
	size_t n = keys_of(a, domain, keys);
	struct span output;
	int r = read_config(a, &config, e);

	*was_there = false;
	if (r < 0)
		return r;
	helper = helper_of(config, keys, n);
	for (size_t i = 0; i < n; i++) {
		if (helper && run_helper(a, helper, "erase", keys[i], &output, e) == 0)
			*was_there = true;
		if (!json_object_del(json_object_get(config, "auths"), keys[i]))
			*was_there = true;
	}
	return *was_there ? write_config(a, config, e) : 0;
}
