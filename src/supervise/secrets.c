#include "base/file.h"
#include "base/log.h"
#include "base/paths.h"
#include "supervise/apply.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

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
		x = calloc(1, sizeof(*x));
		if (!x)
			abort();
		x->key = strdup(ent->d_name);
		x->p = malloc(text.n + 1);
		if (!x->p || !x->key)
			abort();
		memcpy(x->p, text.p, text.n);
		x->n = text.n;
		x->next = s->secrets;
		s->secrets = x;
	}
	if (d)
		closedir(d);
}
