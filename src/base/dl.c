#include "base/dl.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int dl_load(const char *soname, const struct dl_symbol *rows, void *table, struct err *e)
{
	void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	void *symbol;

	if (!lib) {
		err_set(e, ENOENT, "cannot load %s: %s", soname, dlerror());
		return err_hint(e, "install the Debian package that carries %s", soname);
	}
	for (; rows->name; rows++) {
		symbol = dlsym(lib, rows->name);
		if (!symbol)
			return err_set(e, ENOENT, "%s lacks %s", soname, rows->name);
		memcpy((char *)table + rows->off, &symbol, sizeof(symbol));
	}
	return 0;
}
