#include "supervise/logfile.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/sys.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "json.log"

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* "json.log.12" and "json.log.12.gz"; -1: something else. */
static int64_t serial_of(const char *name)
{
	char number[24];
	int64_t n;

	if (!text_starts(name, NAME "."))
		return -1;
	snprintf(number, sizeof(number), "%s", name + strlen(NAME "."));
	if (text_ends(number, ".gz"))
		number[strlen(number) - strlen(".gz")] = '\0';
	return text_to_i64(number, &n) < 0 ? -1 : n;
}

size_t logfile_serials(struct arena *a, const char *dir, int64_t **out)
{
	struct {
		int64_t *v;
		size_t n, cap;
	} all = {0};
	size_t n = 0;
	DIR *d = opendir(dir);
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		int64_t serial = serial_of(ent->d_name);

		if (serial >= 0)
			*vec_push(a, &all) = serial;
	}
	if (d)
		closedir(d);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_size);
	for (size_t k = 0; k < all.n; k++) { /* while it is compressed there are both */
		if (!n || all.v[n - 1] != all.v[k])
			all.v[n++] = all.v[k];
	}
	*out = all.v;
	return n;
}

/* The number that json.log will get. */
static int64_t next_serial(const char *dir)
{
	auto_arena a = {0};
	int64_t *have, last = 0;
	size_t n = logfile_serials(&a, dir, &have);

	if (n)
		last = have[n - 1];
	n = logfile_serials(&a, arena_printf(&a, "%s/previous", dir), &have);
	if (n && have[n - 1] > last)
		last = have[n - 1];
	return last + 1;
}

int logfile_open(struct instance *i)
{
	struct logs *l = &i->logs;
	auto_arena a = {0};

	if (l->log >= 0)
		close(l->log);
	(void)!mkdir(arena_printf(&a, "%s/logs", i->of->root_dir), 0700);
	(void)!mkdir(i->st.log_dir, 0700);
	if (!l->serial)
		l->serial = next_serial(i->st.log_dir);
	l->log = sys_open(AT_FDCWD, arena_printf(&a, "%s/" NAME, i->st.log_dir),
			  O_RDWR | O_CREAT | O_APPEND, 0600);
	return l->log < 0 ? l->log : 0;
}

static int compress(const char *from, const char *to)
{
	auto_arena a = {0};
	char *tmp = arena_printf(&a, "%s.tmp", to);
	auto_fd int in = sys_open(AT_FDCWD, from, O_RDONLY, 0);
	auto_fd int out = sys_open(AT_FDCWD, tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct deflate_sink z = {0};
	struct fd_sink file;
	char *chunk = arena_alloc(&a, 65536);
	struct err e;
	int n, r;

	if (in < 0 || out < 0)
		return -EIO;
	fd_sink_init(&file, out);
	r = deflate_sink_init(&z, &file.sink, COMPRESSION_GZIP, 0, &e);
	while (!r && (n = sys_read_full(in, chunk, 65536)) > 0)
		r = sink_write(&z.sink, chunk, (size_t)n, &e);
	if (!r)
		r = sink_end(&z.sink, &e);
	deflate_sink_done(&z);
	if (!r && rename(tmp, to) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(tmp);
	else if (unlink(from) < 0)
		(void)unlink(to); /* it was the oldest and went meanwhile */
	return r;
}

/* In a process of its own. */
static void compress_all(const char *dir)
{
	auto_arena a = {0};
	int64_t *serials;
	size_t n = logfile_serials(&a, dir, &serials);
	struct err e;
	int lock;

	if (file_lock(AT_FDCWD, arena_printf(&a, "%s/.lock", dir), FILE_LOCK_TRY, &lock, &e) < 0)
		return; /* one that a supervisor before us had begun */
	for (size_t k = 0; k < n; k++) {
		char *plain = arena_printf(&a, "%s/" NAME ".%lld", dir, (long long)serials[k]);

		if (!access(plain, F_OK))
			(void)!compress(plain, arena_printf(&a, "%s.gz", plain));
	}
}

static void start_compression(struct instance *i);

static int on_compressed(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, logs.compressed);

	logfile_forget(i);
	if (i->logs.more_to_compress)
		start_compression(i);
	return 0;
}

static void start_compression(struct instance *i)
{
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PARENT | CLONE_PIDFD,
				  .pidfd = (uint64_t)(uintptr_t)&pidfd};
	struct watch *w = &i->logs.compressed;
	int pid;

	i->logs.more_to_compress = w->loop != NULL;
	if (!i->logs.compress || w->loop)
		return;
	pid = sys_clone3(&args, sizeof(args));
	if (!pid) {
		(void)sys_close_from(3, 0);
		(void)!nice(19);
		compress_all(i->st.log_dir);
		_exit(0);
	}
	if (pid > 0 && loop_watch(i->of->loop, w, pidfd, EPOLLIN, on_compressed) < 0)
		close(pidfd);
}

void logfile_forget(struct instance *i)
{
	struct watch *w = &i->logs.compressed;
	int fd = w->fd;

	if (!w->loop)
		return;
	loop_unwatch(w);
	close(fd);
}

int logfile_rotate(struct instance *i)
{
	struct logs *l = &i->logs;
	auto_arena a = {0};
	const char *dir = i->st.log_dir;
	char *now = arena_printf(&a, "%s/" NAME, dir), *old;

	if (rename(now, arena_printf(&a, "%s.%lld", now, (long long)l->serial)) < 0)
		return -errno;
	if (l->serial > l->max_files - 1) {
		old = arena_printf(&a, "%s.%lld", now, (long long)(l->serial - l->max_files + 1));
		(void)unlink(old);
		(void)unlink(arena_printf(&a, "%s.gz", old));
		(void)unlink(arena_printf(&a, "%s.gz.tmp", old));
	}
	l->serial++;
	start_compression(i);
	return logfile_open(i);
}

void logfile_put_by(const char *dir)
{
	auto_arena a = {0};
	char *previous = arena_printf(&a, "%s/previous", dir);
	long long serial = (long long)next_serial(dir);
	struct err e;
	struct dirent *ent;
	DIR *d;

	if (access(dir, F_OK) < 0)
		return;
	if (file_remove_tree(AT_FDCWD, previous, &e) < 0)
		log_err(LOG_WARN_, &e);
	(void)!mkdir(previous, 0700);
	(void)!rename(arena_printf(&a, "%s/" NAME, dir),
		      arena_printf(&a, "%s/" NAME ".%lld", previous, serial));
	d = opendir(dir);
	while (d && (ent = readdir(d))) {
		if (serial_of(ent->d_name) >= 0)
			(void)!rename(arena_printf(&a, "%s/%s", dir, ent->d_name),
				      arena_printf(&a, "%s/%s", previous, ent->d_name));
	}
	if (d)
		closedir(d);
}
