/* What ADD does beyond COPY: URLs, git repositories, archives that unpack themselves. */
#include "build/fetch.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/tree.h"
#include "build/path.h"
#include "build/room.h"
#include "image/http.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { TAR_BLOCK = 512, HEAD = 8192 };
static const int64_t download_max = INT64_C(32) << 30;

/* ---- archives ---- */

static bool is_tar_header(const uint8_t *p)
{
	int64_t sum = 0, want = 0;

	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	for (int i = 148; i < 156 && (p[i] == ' ' || (p[i] >= '0' && p[i] <= '7')); i++)
		want = p[i] == ' ' ? want : want * 8 + (p[i] - '0');
	return *p && sum == want;
}

/* The program that inflates what base/stream does not; NULL: none is needed. */
static const char *decoder(const uint8_t *p, size_t n)
{
	if (n >= 6 && !memcmp(p,
			      "\xfd"
			      "7zXZ\0",
			      6))
		return "xz";
	if (n >= 4 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9')
		return "bzip2";
	return NULL;
}

struct piped {
	int fd;
	pid_t pid;
};

static int pipe_through(const char *program, int fd, struct piped *out, struct err *e)
{
	int p[2], r = sys_pipe(p, 0);

	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	out->pid = fork();
	if (out->pid == 0) {
		if (lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, 0) < 0 || dup2(p[1], 1) < 0)
			_exit(126);
		execlp(program, program, "-dc", NULL);
		_exit(127);
	}
	close(p[1]);
	out->fd = p[0];
	if (out->pid > 0)
		return 0;
	close(p[0]);
	return err_set(e, errno, "cannot run %s: %s", program, strerror(errno));
}

static int pipe_end(const char *program, struct piped *p, bool whole, struct err *e)
{
	int status = 0;

	close(p->fd);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!whole || !status)
		return 0;
	return err_set(e, EIO, "%s could not unpack it%s", program,
		       WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ": it is not installed"
								       : "");
}

static bool inflates_to_tar(const uint8_t *head, size_t n)
{
	auto_buf b = {};
	struct buf_sink end;
	struct inflate_sink inflate;
	struct err ignored;
	int r;

	buf_sink_init(&end, &b);
	inflate_sink_init(&inflate, &end.sink);
	r = sink_write(&inflate.sink, head, n, &ignored);
	inflate_sink_done(&inflate);
	return r == 0 && b.n >= TAR_BLOCK && is_tar_header((const uint8_t *)b.p);
}

static bool is_archive(int fd, const char **program)
{
	uint8_t head[HEAD], plain[TAR_BLOCK];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	struct piped p;
	struct err ignored;
	int got;

	*program = n > 0 ? decoder(head, (size_t)n) : NULL;
	if (!*program)
		return n > 0 && inflates_to_tar(head, (size_t)n);
	if (pipe_through(*program, fd, &p, &ignored) < 0)
		return false;
	got = sys_read_full(p.fd, plain, sizeof(plain));
	if (pipe_end(*program, &p, false, &ignored) < 0)
		return false;
	return got == TAR_BLOCK && is_tar_header(plain);
}

int fetch_unpack(struct builder *b, int fd, const struct copy_to *to, struct err *e)
{
	struct unpack_options o = {.keep_owner = !to->owner_given,
				   .uid = to->uid,
				   .gid = to->gid,
				   .root_stays = true,
				   .from_anywhere = true};
	const char *program;
	struct piped p = {.fd = -1};
	struct copy_to place = *to;
	int64_t size;
	int r;

	if (!is_archive(fd, &program))
		return 0;
	/* --chmod means neither what is inside nor the directory around it, as BuildKit has it. */
	place.chmod = NULL;
	auto_fd int dir = copy_mkdirs(b->a, path_clean(b->a, to->dest), &place, e);

	if (dir < 0)
		return dir;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "%s", strerror(errno));
	r = program ? pipe_through(program, fd, &p, e) : 0;
	if (r == 0)
		r = layer_unpack_fd(program ? p.fd : fd,
				    arena_printf(b->a, "/proc/self/fd/%d", dir), &o, &size, e);
	if (program && p.fd >= 0 && pipe_end(program, &p, r == 0, e) < 0)
		r = -EIO;
	return r < 0 ? err_wrap(e, "unpack the archive") : 1;
}

/* ---- URLs ---- */

/* As old as the server says, or as time itself. */
static void set_time(const char *path, const char *modified)
{
	struct timespec ts[2] = {{0}, {0}};
	struct tm tm = {0};

	if (modified && strptime(modified, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		ts[0].tv_sec = ts[1].tv_sec = timegm(&tm);
	utimensat(AT_FDCWD, path, ts, 0);
}

int fetch_url(struct builder *b, const char *url, const char *to, struct err *e)
{
	struct http_response answer;
	auto_fd int fd = sys_open(AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int r = fd < 0 ? err_set(e, -fd, "%s: %s", to, strerror(-fd))
		       : http_get_file(b->a, url, fd, download_max, &answer, e);

	if (r == 0)
		set_time(to, answer.modified);
	return r;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static const char *percent_decoded(struct arena *a, struct span s)
{
	auto_buf b = {};

	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;

		buf_char(&b, low >= 0 ? (char)(high << 4 | low) : s.p[i]);
		i += low >= 0 ? 2 : 0;
	}
	return buf_take(a, &b);
}

/* The last word of the URL's path, as it is meant and not as it is written. */
static const char *url_name(struct builder *b, const char *url)
{
	const char *scheme, *host, *rest, *name;

	if (http_split(b->a, url, &scheme, &host, &rest) < 0)
		return "__unnamed__";
	rest = percent_decoded(b->a, (struct span){rest, strcspn(rest, "?#")});
	name = path_last(path_clean(b->a, rest));
	return *name && strcmp(name, ".") && strcmp(name, "..") && strlen(name) < 256
		       ? name
		       : "__unnamed__";
}

static int check_sum(struct builder *b, const struct step *s, const struct fetched *f,
		     struct err *e)
{
	if (!s->checksum)
		return 0;
	if (!text_starts(s->checksum, "sha256:"))
		return err_set(e, EINVAL, "the checksum %s is of an unknown kind", s->checksum);
	if (strcmp(s->checksum + strlen("sha256:"), f->sum))
		return err_set(e, EBADMSG, "digest mismatch sha256:%s: %s", f->sum, s->checksum);
	return 0;
}

static int get_url(struct builder *b, const struct step *s, struct fetched *f, struct err *e)
{
	auto_fd int fd = -1;
	struct stat st;
	uint8_t sum[32];
	int r = fetch_url(b, f->source->path, f->path, e);

	if (r < 0)
		return r;
	fd = sys_open(AT_FDCWD, f->path, O_RDONLY, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, EIO, "cannot read what was downloaded");
	r = digests_of(NULL, f->source->path, fd, &st, sum, e);
	for (int i = 0; i < 32; i++)
		snprintf(f->sum + 2 * i, 3, "%02x", sum[i]);
	return r < 0 ? r : check_sum(b, s, f, e);
}

/* ---- all ---- */

static struct fetched *find(struct builder *b, const struct copy_source *src)
{
	vec_each(f, &b->fetched)
		if (f->source == src)
			return f;
	return NULL;
}

static int get(struct builder *b, const struct step *s, const struct copy_source *src,
	       struct err *e)
{
	struct fetched f = {.source = src};
	char *scratch;
	int r = execute_scratch(b, &scratch, e);

	if (r < 0)
		return r;
	f.path = arena_printf(b->a, "%s/upper/got", scratch);
	r = src->kind == COPY_URL
		    ? get_url(b, s, &f, e)
		    : fetch_git(b->a, src->path, f.path, s->keep_git_dir, s->checksum, f.sum, e);
	if (r == 0)
		*vec_push(b->a, &b->fetched) = f;
	return r;
}

int fetch_key(struct builder *b, const struct step *s, struct key *k, struct err *e)
{
	int r = 0;

	vec_each(src, &s->sources) {
		if (src->kind != COPY_URL && src->kind != COPY_GIT)
			continue;
		/* A checksum says all: nothing needs to be asked before it is needed. */
		if (s->checksum && src->kind == COPY_URL) {
			key_text(k, "sum", s->checksum);
			continue;
		}
		r = r ? r : get(b, s, src, e);
		if (r == 0)
			key_text(k, "sum", find(b, src)->sum);
	}
	return r;
}

static int put_url(struct builder *b, const struct step *s, struct fetched *f,
		   const struct copy_to *to, struct err *e)
{
	auto_fd int dir = sys_open(AT_FDCWD, path_dir(b->a, f->path), O_PATH | O_DIRECTORY, 0);
	struct files files = {.root = dir, .is_context = true};
	struct selected one = {.name = url_name(b, f->source->path)};
	int r;

	if (s->action->copy.unpack == 1) {
		auto_fd int fd = sys_open(AT_FDCWD, f->path, O_RDONLY, 0);

		r = fd < 0 ? fd : fetch_unpack(b, fd, to, e);
		if (r)
			return r < 0 ? r : 0;
	}
	r = files_walk(b->a, &files, path_last(f->path), &one.list, e);
	return r < 0 ? r : copy_selected(b->a, &files, &one, to, e);
}

static int put_git(struct builder *b, struct fetched *f, const struct copy_to *to, struct err *e)
{
	auto_fd int dir = sys_open(AT_FDCWD, f->path, O_PATH | O_DIRECTORY, 0);
	struct files files = {.root = dir, .is_context = true};
	struct selected all = {.name = "", .is_dir = true};
	int r = dir < 0 ? err_set(e, -dir, "%s: %s", f->path, strerror(-dir))
			: files_walk(b->a, &files, "", &all.list, e);

	return r < 0 ? r : copy_selected(b->a, &files, &all, to, e);
}

int fetch_copy(struct builder *b, const struct step *s, const struct copy_to *to, struct err *e)
{
	int r = 0;

	vec_each(src, &s->sources) {
		if (r < 0 || (src->kind != COPY_URL && src->kind != COPY_GIT))
			continue;
		if (!find(b, src))
			r = get(b, s, src, e);
		if (r == 0)
			r = src->kind == COPY_URL ? put_url(b, s, find(b, src), to, e)
						  : put_git(b, find(b, src), to, e);
	}
	return r;
}
