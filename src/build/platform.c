#include "build/platform.h"
#include "base/file.h"
#include "base/text.h"
#include "image/manifest.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

const char *platform_own(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return "linux/amd64";
	return !strcmp(u.machine, "aarch64")   ? "linux/arm64"
	       : !strcmp(u.machine, "riscv64") ? "linux/riscv64"
	       : text_starts(u.machine, "arm") ? "linux/arm/v7"
					       : "linux/amd64";
}

int platform_text(struct arena *a, const char *word, const char **out, struct err *e)
{
	struct platform p;
	int r;

	if (strchr(word, ',')) {
		err_set(e, EOPNOTSUPP, "\"%s\" lists several platforms", word);
		return err_hint(e, "build one at a time, each under a tag of its own");
	}
	r = platform_parse(a, word, &p, e);
	if (r < 0)
		return r;
	if (strcmp(p.os, "linux"))
		return err_set(e, EOPNOTSUPP, "cannot build for %s: images are of Linux", word);
	if (!strcmp(p.architecture, "arm64") && p.variant && !strcmp(p.variant, "v8"))
		p.variant = NULL;
	*out = arena_printf(a, "%s/%s%s%s", p.os, p.architecture, p.variant ? "/" : "",
			    p.variant ? p.variant : "");
	return 0;
}

/* The names that qemu's handlers go by. */
static const struct {
	const char *architecture, *handler;
} handlers[] = {
	{"amd64", "qemu-x86_64"},    {"arm64", "qemu-aarch64"}, {"arm", "qemu-arm"},
	{"386", "qemu-i386"},        {"s390x", "qemu-s390x"},   {"ppc64le", "qemu-ppc64le"},
	{"riscv64", "qemu-riscv64"},
};

/* F: the kernel opened the emulator when it was registered; inside an image there is none. */
static bool is_emulated(struct arena *a, const char *handler)
{
	const char *path = arena_printf(a, "/proc/sys/fs/binfmt_misc/%s", handler);
	const char *text, *flags;
	struct span s;
	struct err ignored;

	if (file_read(a, AT_FDCWD, path, 4096, &s, &ignored) < 0)
		return false;
	text = span_dup(a, s);
	flags = strstr(text, "flags: ");
	return text_starts(text, "enabled") && flags &&
	       memchr(flags, 'F', strcspn(flags, "\n")) != NULL;
}

int platform_runs(struct arena *a, const char *platform, struct err *e)
{
	struct platform p, own;
	int r = platform_parse(a, platform, &p, e);

	if (r == 0)
		r = platform_parse(a, platform_own(), &own, e);
	if (r < 0 || !strcmp(p.architecture, own.architecture))
		return r;
	if (!strcmp(own.architecture, "amd64") && !strcmp(p.architecture, "386"))
		return 0;
	for (size_t i = 0; i < countof(handlers); i++)
		if (!strcmp(p.architecture, handlers[i].architecture) &&
		    is_emulated(a, handlers[i].handler))
			return 0;
	err_set(e, EOPNOTSUPP, "a program for %s cannot run on %s", platform, platform_own());
	return err_hint(e, "install an emulator for it: Debian's qemu-user-static with "
			   "binfmt-support does");
}
