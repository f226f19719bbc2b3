#include "image/place.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { NOTE_LIMIT = 65536 };

int place_dir(struct arena *a, const char *sub, char **out, struct err *e)
{
	return paths_make(a, paths_root(), arena_printf(a, "images%s%s", *sub ? "/" : "", sub), out,
			  e);
}

char *place_path(struct arena *a, const char *sub)
{
	return arena_printf(a, "%s/images/%s", paths_root(), sub);
}

char *place_blob(struct arena *a, const char *digest)
{
	return arena_printf(a, "%s/images/blobs/sha256/%s", paths_root(), digest + 7);
}

char *place_layer(struct arena *a, const char *diff_id)
{
	return arena_printf(a, "%s/images/layers/%s", paths_root(), diff_id + 7);
}

char *place_record(struct arena *a, const char *id)
{
	return arena_printf(a, "%s/images/records/%s.json", paths_root(), id + 7);
}

int place_scratch(struct arena *a, const char *purpose, char **out, struct err *e)
{
	char *tmp, *path;
	int r = place_dir(a, "tmp", &tmp, e);

	if (r < 0)
		return r;
	path = arena_printf(a, "%s/%s.%d.XXXXXX", tmp, purpose, (int)getpid());
	if (!mkdtemp(path))
		return err_set(e, errno, "cannot make a directory in %s: %s", tmp, strerror(errno));
	*out = path;
	return 0;
}

const char *place_boot_id(struct arena *a)
{
	struct span s;
	struct err e;

	if (file_read(a, AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &s, &e) < 0)
		return "unknown";
	while (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	return span_dup(a, s);
}

/* "purpose.PID" or "purpose.PID.XXXXXX" */
static bool is_forgotten(int dirfd, const char *name)
{
	struct span rest = span_of(name), part;
	char pid_text[12];
	uint64_t pid;
	struct stat st;

	if (text_starts(name, "partial."))
		return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) &&
		       time(NULL) - st.st_mtime > 24 * 3600;
	if (!span_cut(&rest, '.', &part))
		return false;
	span_cut(&rest, '.', &part);
	snprintf(pid_text, sizeof(pid_text), "%.*s", (int)part.n, part.p);
	/* What is no process's is nobody's to sweep. */
	if (text_to_u64(pid_text, &pid) < 0 || !pid || pid > INT32_MAX)
		return false;
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

void place_sweep(struct arena *a)
{
	DIR *d = opendir(place_path(a, "tmp"));
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		if (ent->d_name[0] == '.' || !is_forgotten(dirfd(d), ent->d_name))
			continue;
		/* A worker that its feeder's end has just killed may still be making a file. */
		for (int tries = 0; tries < 3; tries++)
			if (tree_remove(dirfd(d), ent->d_name) != -ENOTEMPTY)
				break;
	}
	if (d)
		closedir(d);
}

int place_hold(struct arena *a, enum place_use use, int *out_fd, struct err *e)
{
	char *dir;
	int r = place_dir(a, "", &dir, e);
	auto_fd int fd = -1;

	if (r < 0)
		return r;
	fd = sys_open(AT_FDCWD, arena_printf(a, "%s/lock", dir), O_RDWR | O_CREAT | O_NOFOLLOW,
		      0600);
	if (fd < 0)
		return err_set(e, -fd, "cannot open %s/lock: %s", dir, strerror(-fd));
	do {
		r = flock(fd, use == PLACE_ADD ? LOCK_SH : LOCK_EX | LOCK_NB);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EWOULDBLOCK) {
		err_set(e, EWOULDBLOCK, "images are being pulled, loaded or built just now");
		return -EWOULDBLOCK;
	}
	if (r < 0)
		return err_set(e, errno, "cannot lock %s: %s", dir, strerror(errno));
	*out_fd = take_fd(&fd);
	place_sweep(a);
	return 0;
}

int place_write(struct arena *a, const char *path, struct span text, enum file_sync sync,
		struct err *e)
{
	char *tmp;
	int r = place_dir(a, "tmp", &tmp, e);

	return r < 0 ? r
		     : file_replace_via(arena_printf(a, "%s/note.%d", tmp, (int)getpid()), path,
					text, sync, e);
}

int place_settle(struct arena *a, const char *path, struct err *e)
{
	char *fresh = place_path(a, arena_printf(a, "tmp/settled.%d", (int)getpid()));
	auto_json *j = NULL;
	auto_free char *text = NULL;
	int r = json_read_file(path, NOTE_LIMIT, &j, e);

	if (r < 0 || json_object_del(j, "boot") < 0)
		return r;
	text = json_dumps(j, JSON_COMPACT);
	r = place_write(a, fresh, span_of(text), FILE_DURABLE, e);
	if (!r && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) < 0)
		r = err_set(e, errno, "cannot replace %s: %s", path, strerror(errno));
	unlink(fresh);
	return r;
}

int place_put_blob(struct arena *a, const void *p, size_t n, char digest[static 72], struct err *e)
{
	char *dir;
	int r = place_dir(a, "blobs/sha256", &dir, e);

	if (r < 0)
		return r;
	memcpy(digest, "sha256:", 7);
	hash_sha256(p, n, digest + 7);
	return place_write(a, place_blob(a, digest), (struct span){p, n}, FILE_DURABLE, e);
}

int place_partial(struct arena *a, const char *digest, char **path, struct err *e)
{
	char *dir;
	int r = place_dir(a, "tmp", &dir, e);

	if (!r)
		*path = arena_printf(a, "%s/partial.0.%s", dir, digest + 7);
	return r;
}
