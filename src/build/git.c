#include "base/file.h"
#include "base/proc.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/when.h"
#include "build/fetch.h"
#include "build/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

bool fetch_is_git(const char *s)
{
	size_t n = strcspn(s, "#?");

	if (text_starts(s, "git@") || text_starts(s, "git://") || text_starts(s, "ssh://"))
		return true;
	if (text_starts(s, "github.com/"))
		return true;
	return (text_starts(s, "http://") || text_starts(s, "https://")) && n > 4 &&
	       !memcmp(s + n - 4, ".git", 4);
}

/* Runs git with words; the first word that is NULL ends them. */
static int git(struct arena *a, const char *dir, const char *const *words, struct span *out,
	       struct err *e)
{
	const char *argv[32] = {"git",
				"-c",
				"protocol.file.allow=never",
				"-c",
				"protocol.ext.allow=never",
				"-c",
				"core.hooksPath=/dev/null",
				"-C",
				dir};
	struct proc p = {.argv = argv, .limit = 65536, .timeout_ns = 1800 * NS_PER_SEC};
	size_t n = 9;
	int status, r;

	while (*words && n < countof(argv) - 1)
		argv[n++] = *words++;
	r = proc_run(a, &p, &status, out, e);
	if (r < 0)
		return r;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ENOENT, "the program git is not installed");
	if (status)
		return err_set(e, EIO, "git %s: %.300s", argv[9], span_dup(a, *out));
	return 0;
}
#define GIT(a, dir, out, e, ...) git(a, dir, (const char *const[]){__VA_ARGS__, NULL}, out, e)

static int subdir(struct arena *a, const char *tree, const char *dir, const char *to, struct err *e)
{
	auto_fd int root = sys_open(AT_FDCWD, tree, O_PATH | O_DIRECTORY, 0);
	struct files files = {.root = root};
	const char *inside;
	int r = root < 0 ? root : files_resolve(a, &files, dir, &inside, e);

	if (r == FILES_ABSENT || r == -ENOENT)
		return err_set(e, ENOENT, "the repository has no directory \"%s\"", dir);
	if (r < 0)
		return r;
	if (rename(arena_printf(a, "%s/%s", tree, inside), to) < 0)
		return err_set(e, errno, "%s: %s", inside, strerror(errno));
	return 0;
}

static int checkout(struct arena *a, const char *url, const char *ref, const char *tree,
		    struct err *e)
{
	struct span out;
	int r = file_mkdirs(tree, 0755, e);

	if (r == 0)
		r = GIT(a, tree, &out, e, "init", "--quiet");
	if (r == 0)
		r = GIT(a, tree, &out, e, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url,
			ref);
	/* A plain web server serves repositories, too, but only whole. */
	if (r < 0 && strstr(e->why, "does not support shallow"))
		r = GIT(a, tree, &out, e, "fetch", "--quiet", "--no-tags", "--", url, ref);
	if (r == 0)
		r = GIT(a, tree, &out, e, "checkout", "--quiet", "--force", "FETCH_HEAD");
	if (r == 0 && access(arena_printf(a, "%s/.gitmodules", tree), F_OK) == 0)
		r = GIT(a, tree, &out, e, "submodule", "update", "--init", "--recursive",
			"--depth=1");
	return r;
}

int fetch_git(struct arena *a, const char *url, const char *to, bool keep_git_dir, const char *want,
	      char commit[static 65], struct err *e)
{
	const char *hash = strchr(url, '#'), *ref = hash ? hash + 1 : "", *dir = strchr(ref, ':');
	const char *remote = hash ? arena_strndup(a, url, (size_t)(hash - url)) : url;
	const char *tree = arena_printf(a, "%s.git-tree", to);
	struct span out;
	int r;

	if (text_starts(url, "github.com/"))
		remote = arena_printf(a, "https://%s", remote);
	if (dir) {
		ref = arena_strndup(a, ref, (size_t)(dir - ref));
		dir++;
	}
	if (*ref == '-' || *remote == '-')
		return err_set(e, EINVAL, "\"%s\" is no git reference", *ref == '-' ? ref : remote);
	r = checkout(a, remote, *ref ? ref : "HEAD", tree, e);
	if (r == 0)
		r = GIT(a, tree, &out, e, "rev-parse", "HEAD");
	if (r < 0)
		return err_wrap(e, "fetch %s", url);
	snprintf(commit, 65, "%.*s", (int)strcspn(out.p, "\r\n"), out.p);
	if (want && strncmp(commit, want, strlen(want)))
		return err_set(e, EBADMSG, "%s is at commit %s, not %s", url, commit, want);
	if (!keep_git_dir)
		r = file_remove_tree(AT_FDCWD, arena_printf(a, "%s/.git", tree), e);
	if (r == 0 && dir && *dir)
		return subdir(a, tree, dir, to, e);
	if (r == 0 && rename(tree, to) < 0)
		r = err_set(e, errno, "%s: %s", to, strerror(errno));
	return r;
}
