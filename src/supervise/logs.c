#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/when.h"
#include "supervise/logfile.h"
#include "supervise/logs_read.h"
#include "supervise/logsend.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/*
 * Theory: no byte of a container's output is lost or written twice when the supervisor is killed
 * at any instruction. Bytes move in two hops.
 *
 * 1. splice(2) moves them from the pipe to the end of a spool file inside the kernel; SIGKILL acts
 *    only between system calls, so the size of the spool says exactly what left the pipe.
 * 2. Lines are formatted from the spool and appended to json.log; then `mark`, a small mapped file,
 *    says how much of the spools is in the log and how long the log is. The mark has two slots and
 *    an index that is stored last. A new supervisor cuts the log back to the mark and goes on.
 *
 * A second descriptor of the pipe lies with the guardian, so that what is in it outlives a
 * container that ends while no supervisor reads.
 */
struct log_slot {
	uint64_t inode, size, done[2];
	uint32_t reset[2]; /* the spool is being emptied */
};
struct log_mark {
	uint64_t pipe[2]; /* inodes */
	_Atomic uint32_t which;
	struct log_slot slot[2];
};

enum { CHUNK = 65536, SPOOL_MAX = 16384 };

static const char *const pipe_names[] = {"out", "err"};
static const char *const stream_names[] = {"stdout", "stderr"};

static struct log_slot *slot(const struct logs *l)
{
	return &l->mark->slot[atomic_load(&l->mark->which) & 1];
}

static void commit(struct logs *l, const struct log_slot *now)
{
	uint32_t other = (atomic_load(&l->mark->which) & 1) ^ 1;

	l->mark->slot[other] = *now;
	atomic_store(&l->mark->which, other);
}

static void rotate(struct instance *i)
{
	struct logs *l = &i->logs;
	struct log_slot now = *slot(l);
	struct stat st;

	if (l->max_size <= 0 || (int64_t)now.size < l->max_size)
		return;
	if (logfile_rotate(i) < 0 || fstat(l->log, &st) < 0)
		return;
	now.inode = st.st_ino;
	now.size = (uint64_t)st.st_size;
	commit(l, &now);
}

/* What JSON cannot say is kept beside what docker would have kept of it. */
static void add_raw(struct buf *b, const char *p, size_t n)
{
	auto_arena a = {0};
	char *text = arena_strndup(&a, p, n);

	for (char *nul = text; (nul = memchr(nul, '\0', n - (size_t)(nul - text)));)
		*nul = '\x01';
	buf_json(b, text, n);
	buf_printf(b, ",\"raw\":\"%s\"", base64_encode(&a, (struct span){p, n}));
}

static void add_line(struct buf *b, const struct logs *l, const char *p, size_t n, int stream,
		     const char *time)
{
	buf_str(b, "{\"log\":");
	if (text_is_utf8(p, n) && !memchr(p, '\0', n))
		buf_json(b, p, n);
	else
		add_raw(b, p, n);
	buf_printf(b, ",\"stream\":\"%s\"", stream_names[stream]);
	if (l->attributes.n)
		buf_add(b, l->attributes.p, l->attributes.n);
	buf_printf(b, ",\"time\":\"%s\"}\n", time);
}

static size_t room(const struct logs *l)
{
	int64_t left = l->max_size - (int64_t)slot(l)->size;

	return l->max_size <= 0 ? SIZE_MAX : left > 0 ? (size_t)left : 1;
}

/*
 * Formats whole lines (and a tail that is too long or final) until the file is full; returns
 * bytes used.
 */
static size_t format(struct buf *b, const struct logs *l, struct span from, int stream, bool all)
{
	int64_t now = when_wall_ns();
	size_t most = room(l);
	char time[40];
	size_t used = 0, len, n = from.n;
	const char *end, *p = from.p;

	when_rfc3339(now, time);
	while (used < n && b->n < most) {
		end = memchr(p + used, '\n', n - used);
		len = end ? (size_t)(end - p) + 1 - used : n - used;
		if (len > LOGS_PART)
			len = LOGS_PART;
		else if (!end && !all)
			break;
		add_line(b, l, p + used, len, stream, time);
		if (l->sender)
			logsend_line(l->sender, (struct span){p + used, len}, stream,
				     p[used + len - 1] != '\n', now);
		used += len;
	}
	return used;
}

static void append(struct instance *i, int stream, const struct buf *b, uint64_t done)
{
	struct logs *l = &i->logs;
	struct log_slot now = *slot(l);

	if (b->n && sys_write_all(l->log, b->p, b->n) < 0) {
		/* A full disk: this part is given up, the container goes on. */
		(void)!ftruncate(l->log, (off_t)now.size);
		log_warn("%s: %zu bytes of its log are lost, the disk is full", i->st.name, b->n);
	} else {
		now.size += b->n;
	}
	now.done[stream] = done;
	commit(l, &now);
	rotate(i);
}

static void empty_spool(struct instance *i, int stream)
{
	struct logs *l = &i->logs;
	struct log_slot now = *slot(l);

	now.reset[stream] = 1;
	commit(l, &now);
	if (ftruncate(l->s[stream].spool, 0) < 0)
		return;
	lseek(l->s[stream].spool, 0, SEEK_SET);
	l->s[stream].spooled = l->s[stream].freed = 0;
	now.reset[stream] = 0;
	now.done[stream] = 0;
	commit(l, &now);
}

/* A spool that always ends with half a line is never emptied; what is in the log gives way. */
static void free_front(struct log_stream *s, uint64_t done)
{
	if (done < s->freed + 4 * CHUNK)
		return;
	(void)!fallocate(s->spool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)done);
	s->freed = done;
}

static void write_out(struct instance *i, int stream, bool all)
{
	struct log_stream *s = &i->logs.s[stream];
	uint64_t done = slot(&i->logs)->done[stream];
	auto_free char *chunk = mem_room(CHUNK);
	auto_buf b = {0};
	ssize_t n;
	size_t used = 0;

	while (done < s->spooled) {
		n = pread(s->spool, chunk, CHUNK, (off_t)done);
		if (n <= 0)
			break;
		b.n = 0;
		used = format(&b, &i->logs, (struct span){chunk, (size_t)n}, stream,
			      all && done + (uint64_t)n >= s->spooled);
		if (!used)
			break;
		done += used;
		append(i, stream, &b, done);
	}
	if (done >= s->spooled && s->spooled >= (all ? 1 : SPOOL_MAX))
		empty_spool(i, stream);
	else
		free_front(s, done);
}

/* One hop; false: the pipe is empty. */
static bool spool_some(struct log_stream *s)
{
	ssize_t n = splice(s->fd, NULL, s->spool, NULL, CHUNK, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n <= 0)
		return false;
	s->spooled += (uint64_t)n;
	return true;
}

static int on_output(struct instance *i, int stream)
{
	if (spool_some(&i->logs.s[stream]))
		write_out(i, stream, false);
	return 0;
}

static int on_stdout(struct watch *w, uint32_t events)
{
	return on_output(container_of(w, struct instance, logs.s[0].in), 0);
}

static int on_stderr(struct watch *w, uint32_t events)
{
	return on_output(container_of(w, struct instance, logs.s[1].in), 1);
}

/* A terminal is no pipe: what is read between read and write can be lost to a kill. */
static int on_tty(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, logs.tty_in);
	struct log_stream *s = &i->logs.s[0];
	char chunk[8192];
	ssize_t n = sys_read(w->fd, chunk, sizeof(chunk));

	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		loop_unwatch(w); /* EIO: the other side is closed */
		return 0;
	}
	if (sys_write_all(s->spool, chunk, (size_t)n) == 0)
		s->spooled += (uint64_t)n;
	write_out(i, 0, false);
	return 0;
}

static char *run_path(struct arena *a, const struct instance *i, const char *name)
{
	return arena_printf(a, "%s/%s", i->st.run_dir, name);
}

static int map_mark(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	auto_fd int fd = sys_open(AT_FDCWD, run_path(&a, i, "log.mark"), O_RDWR | O_CREAT, 0600);
	void *p;

	if (fd < 0)
		return err_set(e, -fd, "log.mark: %s", strerror(-fd));
	if (ftruncate(fd, sizeof(struct log_mark)) < 0)
		return err_set(e, errno, "log.mark: %s", strerror(errno));
	p = mmap(NULL, sizeof(struct log_mark), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, errno, "log.mark: %s", strerror(errno));
	i->logs.mark = p;
	return 0;
}

/* Brings the log and the spools to what the mark says. */
static int recover(struct instance *i, struct err *e)
{
	struct logs *l = &i->logs;
	struct log_slot now;
	struct stat st;
	int r = logfile_open(i);

	if (r < 0 || fstat(l->log, &st) < 0)
		return err_set(e, r < 0 ? -r : errno, "cannot write below %s", i->st.log_dir);
	now = *slot(l);
	if (now.inode == st.st_ino && (uint64_t)st.st_size > now.size)
		(void)!ftruncate(l->log, (off_t)now.size);
	else
		now.size = (uint64_t)st.st_size;
	now.inode = st.st_ino;
	for (int k = 0; k < 2; k++) {
		if (now.reset[k] && !ftruncate(l->s[k].spool, 0))
			now.done[k] = now.reset[k] = 0;
		l->s[k].spooled = (uint64_t)lseek(l->s[k].spool, 0, SEEK_END);
	}
	commit(l, &now);
	for (int k = 0; k < 2; k++)
		write_out(i, k, false);
	return 0;
}

static void read_options(struct instance *i)
{
	const struct pairs *o = i->svc ? &i->svc->log_options : NULL;
	const char *size = o ? pairs_get(o, "max-size") : NULL;
	const char *files = o ? pairs_get(o, "max-file") : NULL;
	const char *compress = o ? pairs_get(o, "compress") : NULL;
	struct logs *l = &i->logs;
	struct err ignored;

	l->max_size = 10 << 20;
	l->max_files = 5;
	l->compress = !compress || (strcmp(compress, "false") != 0 && strcmp(compress, "0") != 0);
	if (i->svc && i->svc->log_driver && !strcmp(i->svc->log_driver, "local"))
		l->max_size = 20 << 20;
	if (size && size_parse(size, &l->max_size, &ignored) < 0)
		log_err(LOG_WARN_, &ignored);
	if (files && text_to_i64(files, &l->max_files) < 0)
		l->max_files = 5;
	if (l->max_files < 1)
		l->max_files = 1;
}

static int check_driver(struct instance *i, struct err *e)
{
	int r = logsend_check(i, e);

	i->logs.off = r == 0 && i->svc && i->svc->log_driver && !strcmp(i->svc->log_driver, "none");
	return r;
}

/* A receiver that is gone when a container is taken over is tried again later. */
static int open_sender(struct instance *i, struct err *e)
{
	struct logs *l = &i->logs;
	auto_buf attributes = {0};

	if (l->sender)
		return 0;
	l->attributes.n = 0;
	logsend_attributes(i, &attributes);
	if (attributes.n)
		buf_printf(&l->attributes, ",\"attrs\":%s", attributes.p);
	return logsend_new(i, &l->sender, e);
}

int logs_prepare(struct instance *i, int stdio[3], struct err *e)
{
	int r = check_driver(i, e);

	if (!r)
		r = open_sender(i, e);
	if (r < 0)
		return r;
	for (int k = 1; k < 3; k++) {
		int *fd = &i->logs.s[k - 1].fd;

		if (i->stdio[k] >= 0) { /* a one-off in the foreground */
			stdio[k] = sys_dup_above(i->stdio[k], 3);
			continue;
		}
		if (i->logs.off || i->st.tty) {
			stdio[k] = sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
		} else {
			r = pipe_make(i, pipe_names[k - 1], fd, e);
			if (r < 0)
				return r;
			stdio[k] = pipe_open(*fd, 0);
		}
		if (stdio[k] < 0)
			return err_set(e, -stdio[k], "its output: %s", strerror(-stdio[k]));
	}
	return 0;
}

int logs_attach(struct instance *i, bool adopted, struct err *e)
{
	static int (*const fn[])(struct watch *, uint32_t) = {on_stdout, on_stderr};
	auto_arena a = {0};
	struct logs *l = &i->logs;
	struct err ignored = {0};
	int r = 0;

	if (adopted)
		r = check_driver(i, e);
	if (!r && adopted && open_sender(i, &ignored) < 0)
		log_err(LOG_WARN_, &ignored);
	if (r < 0 || l->off || i->stdio[1] >= 0)
		return r;
	read_options(i);
	for (int k = 0; !r && k < 2; k++) {
		struct log_stream *s = &l->s[k];

		s->spool = sys_open(AT_FDCWD, run_path(&a, i, k ? "spool.err" : "spool.out"),
				    O_RDWR | O_CREAT, 0600);
		if (s->spool < 0)
			return err_set(e, -s->spool, "spool: %s", strerror(-s->spool));
	}
	if (!r && !l->mark)
		r = map_mark(i, e);
	for (int k = 0; !r && k < 2 && !i->st.tty; k++) {
		if (adopted)
			r = pipe_adopt(i, pipe_names[k], l->mark->pipe[k], &l->s[k].fd, e);
		if (!r)
			l->mark->pipe[k] = pipe_id(l->s[k].fd);
	}
	if (!r)
		r = recover(i, e);
	if (r < 0)
		return r;
	for (int k = 0; k < 2 && !i->st.tty; k++)
		r = r ? r : loop_watch(i->of->loop, &l->s[k].in, l->s[k].fd, EPOLLIN, fn[k]);
	if (i->st.tty && l->tty >= 0 && !i->attached && (!i->follower || i->detached))
		r = loop_watch(i->of->loop, &l->tty_in, l->tty, EPOLLIN, on_tty);
	return r < 0 ? err_set(e, -r, "watch of its output: %s", strerror(-r)) : 0;
}

void logs_tty_to(struct instance *i, struct conn *c)
{
	struct logs *l = &i->logs;

	i->attached = c;
	if (c)
		loop_unwatch(&l->tty_in);
	else if (l->tty >= 0 && l->mark && !l->tty_in.loop)
		(void)loop_watch(i->of->loop, &l->tty_in, l->tty, EPOLLIN, on_tty);
}

void logs_drain(struct instance *i)
{
	for (int k = 0; k < 2 && i->logs.mark; k++) {
		struct log_stream *s = &i->logs.s[k];

		while (s->fd >= 0 && s->spool >= 0 && spool_some(s))
			write_out(i, k, false);
		if (s->spool >= 0)
			write_out(i, k, true);
	}
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* forget: the process is gone; its pipes are not needed again. */
void logs_detach(struct instance *i, bool forget)
{
	struct logs *l = &i->logs;

	loop_unwatch(&l->tty_in);
	logfile_forget(i);
	logsend_free(l->sender);
	l->sender = NULL;
	buf_done(&l->attributes);
	for (int k = 0; k < 2; k++) {
		loop_unwatch(&l->s[k].in);
		if (forget && l->s[k].fd >= 0)
			supervisor_drop(i->of, i->st.name, pipe_names[k]);
		shut(&l->s[k].fd);
		shut(&l->s[k].spool);
	}
	if (forget && l->tty >= 0)
		supervisor_drop(i->of, i->st.name, "tty");
	shut(&l->tty);
	shut(&l->log);
	if (l->mark)
		munmap(l->mark, sizeof(*l->mark));
	l->mark = NULL;
}
