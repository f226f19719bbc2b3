#include "base/paths.h"
#include "base/file.h"
#include <stdlib.h>

static const char *from_env(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v && *v == '/' ? v : otherwise;
}

const char *paths_root(void)
{
	return from_env("BERTH_ROOT", "/var/lib/berth");
}

const char *paths_run(void)
{
	return from_env("BERTH_RUN", "/run/berth");
}

int paths_make(struct arena *a, const char *base, const char *sub, char **out, struct err *e)
{
	char *path = arena_printf(a, "%s%s%s", base, *sub ? "/" : "", sub);
	int r = file_mkdirs(path, 0700, e);

	if (r < 0)
		return err_hint(e, "run berth as root, or set BERTH_ROOT and BERTH_RUN to places "
				   "you may write");
	*out = path;
	return 0;
}
