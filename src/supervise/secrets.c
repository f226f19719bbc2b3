/* What secrets and configs hold, and how what came by request outlives the supervisor. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/paths.h"
#include "supervise/apply.h"
#include "supervise/vault.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SECRET = 1 << 20 };

void secrets_keep(struct supervisor *s, const char *key, const void *p, size_t n)
{
	auto_arena a = {0};
	struct err e;
	char *dir;
	int r = paths_make(&a, s->run_dir, "secrets", &dir, &e);

	if (!r && strchr(key, '/') == NULL)
		r = file_replace(AT_FDCWD, arena_printf(&a, "%s/%s", dir, key), p, n, 0600,
				 FILE_FAST, &e);
	if (r < 0)
		log_err(LOG_WARN_, &e);
}

void secrets_load(struct supervisor *s)
{
	auto_arena a = {0};
	char *dir = arena_printf(&a, "%s/secrets", s->run_dir);
	DIR *d = opendir(dir);
	struct dirent *ent;
	struct err e;

	while (d && (ent = readdir(d))) {
		struct secret_bytes *x;
		struct span text;

		if (ent->d_name[0] == '.' || text_ends(ent->d_name, "~") ||
		    file_read(&a, AT_FDCWD, arena_printf(&a, "%s/%s", dir, ent->d_name), 1 << 20,
			      &text, &e) < 0)
			continue;
		x = mem_new(sizeof(*x));
		x->key = mem_text(ent->d_name);
		x->p = mem_room(text.n + 1);
		memcpy(x->p, text.p, text.n);
		x->n = text.n;
		x->next = s->secrets;
		s->secrets = x;
	}
	if (d)
		closedir(d);
}

static const struct secret_bytes *among(struct arena *a, const struct secret_bytes *sent,
					const char *kind, const char *key)
{
	char *name = arena_printf(a, "%s:%s", kind, key);

	while (sent && strcmp(sent->key, name))
		sent = sent->next;
	return sent;
}

static int stored(struct arena *a, const struct file_source *src, const char *kind,
		  struct span *out, struct err *e)
{
	const char *name = src->name ? src->name : src->key;
	int r = vault_get(a, name, out, e);

	if (r != -ENOENT)
		return r;
	err_set(e, ENOENT, "external %s \"%s\" is not in this machine's store", kind, name);
	return err_hint(e, "berth secret create %s FILE", name);
}

int secrets_content(struct arena *a, const struct project *p, const struct secret_bytes *sent,
		    const struct file_source *src, const char *kind, struct span *out,
		    struct err *e)
{
	const struct secret_bytes *bytes = among(a, sent, kind, src->key);
	const char *value = src->environment ? pairs_get(&p->environment, src->environment) : NULL;

	if (src->external)
		return stored(a, src, kind, out, e);
	if (bytes)
		*out = (struct span){bytes->p, bytes->n};
	else if (value)
		*out = span_of(value);
	else if (src->content)
		*out = span_of(src->content);
	else if (src->file)
		return file_read(a, AT_FDCWD, src->file, MAX_SECRET, out, e);
	else
		return err_set(e, ENOENT, "%s \"%s\": environment variable \"%s\" is not set", kind,
			       src->key, src->environment ? src->environment : "");
	return 0;
}

/* "kind:name=HASH", so that a plan can say which of them changed. */
static int add_content(const struct project *p, const struct secret_bytes *sent,
		       const struct file_source *src, const char *kind, struct buf *all,
		       struct err *e)
{
	auto_arena a = {0};
	struct span data;
	struct stat st;
	char hex[65];
	int r;

	if (!src || (src->file && !stat(src->file, &st) && S_ISDIR(st.st_mode)))
		return 0; /* a directory is bound: its content is always the current one */
	r = secrets_content(&a, p, sent, src, kind, &data, e);
	if (!r)
		r = vault_digest(data, hex, e);
	if (r < 0)
		return err_at(e, "%s", src->at ? src->at : "");
	buf_printf(all, "%s%s:%s=%.32s", all->n ? " " : "", kind, src->key, hex);
	return 0;
}

int secrets_digest(struct arena *a, const struct project *p, const struct secret_bytes *sent,
		   const struct service *svc, char **out, struct err *e)
{
	auto_buf all = {0};
	int r = 0;

	*out = NULL;
	vec_each(x, &svc->secrets)
		r = r ? r : add_content(p, sent, project_secret(p, x->source), "secret", &all, e);
	vec_each(c, &svc->configs)
		r = r ? r : add_content(p, sent, project_config(p, c->source), "config", &all, e);
	if (!r && all.n)
		*out = arena_printf(a, "%s", all.p);
	return r;
}

int secrets_note(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	char *now;
	int r = secrets_digest(&a, i->of->project, i->of->secrets, i->svc, &now, e);

	if (r < 0)
		return r;
	/* An arena that lives as long as the container grows by changes, not by restarts. */
	if (!now || !i->st.contents || strcmp(now, i->st.contents))
		i->st.contents = now ? arena_printf(&i->arena, "%s", now) : NULL;
	return 0;
}
