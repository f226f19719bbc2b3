#include "image/layer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/intake.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/ref.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NOTE_LIMIT = 65536, FEED_PART = 256 << 10 };
static const int64_t inflated_max = INT64_C(1) << 40;
/* gzip makes at most 1032 of one, zstd and bzip2 far more: beyond both figures it is a bomb. */
static const int64_t ratio_max = 1200, ratio_free = INT64_C(1) << 30;

static int write_note(struct arena *a, const char *dir, const struct layer *l, struct err *e)
{
	auto_json *j =
		json_pack("{ss ss* ss* sI sI ss sb}", "diff_id", l->diff_id, "blob", l->blob,
			  "media_type", l->media_type, "blob_size", (json_int_t)l->blob_size,
			  "size", (json_int_t)l->size, "boot", place_boot_id(a), "step", l->step);
	auto_free char *text = json_dumps(j, JSON_COMPACT);

	return file_replace(AT_FDCWD, arena_printf(a, "%s/layer.json", dir), text, strlen(text),
			    0600, FILE_FAST, e);
}

int layer_find(struct arena *a, const char *diff_id, struct layer *out, struct err *e)
{
	char *dir = place_layer(a, diff_id);
	auto_json *j = NULL;
	const char *boot, *path = arena_printf(a, "%s/layer.json", dir);

	if (!digest_valid(diff_id))
		return err_set(e, EINVAL, "\"%.80s\" is not a sha256 digest", diff_id);
	if (access(path, F_OK) < 0)
		return LAYER_ABSENT;
	if (json_read_file(path, NOTE_LIMIT, &j, e) < 0)
		return LAYER_ABSENT; /* torn by a power cut: made anew */
	boot = json_string_or(j, "boot", NULL);
	if (boot && strcmp(boot, place_boot_id(a)))
		return LAYER_ABSENT; /* its files may never have reached the disk */
	*out = (struct layer){
		.diff_id = arena_printf(a, "%s", diff_id),
		.blob_size = json_int_or(j, "blob_size", 0),
		.size = json_int_or(j, "size", 0),
		.dir = arena_printf(a, "%s/diff", dir),
		.step = json_bool_or(j, "step", false),
	};
	if (json_string_or(j, "blob", NULL))
		out->blob = arena_printf(a, "%s", json_string_or(j, "blob", NULL));
	if (json_string_or(j, "media_type", NULL))
		out->media_type = arena_printf(a, "%s", json_string_or(j, "media_type", NULL));
	return 0;
}

/* Whether its files are settled stays as it is. */
int layer_note_blob(struct arena *a, const struct layer *l, struct err *e)
{
	char *path = arena_printf(a, "%s/layer.json", place_layer(a, l->diff_id));
	auto_json *j = NULL;
	auto_free char *text = NULL;
	int r = json_read_file(path, NOTE_LIMIT, &j, e);

	if (r < 0)
		return r;
	json_object_set_new(j, "blob", json_string(l->blob));
	json_object_set_new(j, "media_type", json_string(l->media_type));
	json_object_set_new(j, "blob_size", json_integer(l->blob_size));
	text = json_dumps(j, JSON_COMPACT);
	return place_write(a, path, span_of(text), FILE_DURABLE, e);
}

int intake_lock(struct arena *a, const char *digest, int *out_fd, struct err *e)
{
	char *dir;
	int r = place_dir(a, "locks", &dir, e);

	return r < 0 ? r
		     : file_lock(AT_FDCWD, arena_printf(a, "%s/%s", dir, digest + 7),
				 FILE_LOCK_WAIT, out_fd, e);
}

static int check_ratio(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct ratio_sink *r = container_of(s, struct ratio_sink, sink);

	r->plain += (int64_t)n;
	if (r->plain > ratio_free && r->plain / ratio_max > *r->travelled)
		return err_set(e, EFBIG, "%lld bytes become more than %lld: a bomb",
			       (long long)*r->travelled, (long long)r->plain);
	return sink_write(s->next, p, n, e);
}

static int end_ratio(struct sink *s, struct err *e)
{
	return sink_end(s->next, e);
}

static void ratio_sink_init(struct ratio_sink *r, struct sink *next, const int64_t *travelled)
{
	*r = (struct ratio_sink){{check_ratio, end_ratio, next}, travelled, 0};
}

int intake_begin(struct intake *in, int blob_fd, struct err *e)
{
	static const struct unpack_options options = {.whiteouts = true, .keep_owner = true};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	char *diff;
	int r;

	memset(in, 0, sizeof(*in));
	in->worker = (struct unpack_worker){-1, -1, -1};
	r = place_scratch(&in->arena, "layer", &in->scratch, e);
	if (r < 0)
		return r;
	in->open = true;
	sigaction(SIGPIPE, &ignore, &in->old_pipe);
	diff = arena_printf(&in->arena, "%s/diff", in->scratch);
	if (mkdir(diff, 0755) < 0)
		return err_set(e, errno, "cannot make %s: %s", diff, strerror(errno));
	r = unpack_start(diff, &options, &in->worker, e);
	if (r < 0)
		return r;
	fd_sink_init(&in->pipe, in->worker.in);
	r = sha256_sink_init(&in->plain, &in->pipe.sink, e);
	if (r < 0)
		return r;
	limit_sink_init(&in->limit, &in->plain.sink, inflated_max, "the inflated layer");
	ratio_sink_init(&in->ratio, &in->limit.sink, &in->travelled.bytes);
	inflate_sink_init(&in->inflate, &in->ratio.sink);
	fd_sink_init(&in->blob, blob_fd);
	tee_sink_init(&in->tee, &in->inflate.sink, &in->blob.sink);
	r = sha256_sink_init(&in->travelled, &in->tee.sink, e);
	in->head = &in->travelled.sink;
	return r;
}

/* A worker that refused an entry closes its pipe: its reason is the one to tell. */
int intake_blame(struct intake *in, int r, struct err *e)
{
	struct unpack_stats stats;
	struct err why;

	if (r != -EPIPE || in->worker.pidfd < 0)
		return r;
	if (unpack_finish(&in->worker, &stats, &why) < 0)
		*e = why;
	return -e->code;
}

int intake_write(struct intake *in, const void *p, size_t n, struct err *e)
{
	return intake_blame(in, sink_write(in->head, p, n, e), e);
}

int intake_feed(struct intake *in, int fd, struct err *e)
{
	auto_free char *part = mem_room(FEED_PART);
	ssize_t n;
	int r = 0;

	while (!r && (n = sys_read(fd, part, FEED_PART)) > 0)
		r = intake_write(in, part, (size_t)n, e);
	if (!r && n < 0)
		return err_set(e, (int)-n, "cannot read a layer: %s", strerror((int)-n));
	return r;
}

static int check(const char *what, const char *want, const char *got, struct err *e)
{
	if (!want || !strcmp(want + 7, got))
		return 0;
	return err_set(e, EBADMSG, "%s has digest sha256:%.12s..., not %.19s... as announced", what,
		       got, want);
}

/* Replaces what a power cut may have torn. The caller holds the layer's lock. */
static int reveal(struct arena *a, const char *scratch, const struct layer *l, struct err *e)
{
	char *layers, *final = place_layer(a, l->diff_id);
	int r = place_dir(a, "layers", &layers, e);

	if (r < 0)
		return r;
	if (!rename(scratch, final))
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return err_set(e, errno, "cannot put the layer in its place: %s", strerror(errno));
	r = tree_remove(AT_FDCWD, final);
	if (r < 0 || rename(scratch, final) < 0)
		return err_set(e, r < 0 ? -r : errno, "cannot replace layer %s", final);
	return 0;
}

static const char *media_type(enum compression found)
{
	return found == COMPRESSION_GZIP   ? MEDIA_OCI_GZIP
	       : found == COMPRESSION_ZSTD ? MEDIA_OCI_ZSTD
					   : MEDIA_OCI_TAR;
}

static int move_blob(struct arena *a, const char *from, const char *digest, struct err *e)
{
	char *dir;
	int r = place_dir(a, "blobs/sha256", &dir, e);

	if (r < 0)
		return r;
	if (rename(from, place_blob(a, digest)) < 0)
		return err_set(e, errno, "cannot keep the blob of a layer: %s", strerror(errno));
	return 0;
}

int intake_end(struct intake *in, const struct intake_want *want, struct arena *a,
	       struct layer *out, struct err *e)
{
	struct unpack_stats stats;
	struct layer l = {0};
	int r = intake_blame(in, sink_end(in->head, e), e);

	if (!r)
		r = unpack_finish(&in->worker, &stats, e);
	if (!r)
		r = check("the blob", want->blob, in->travelled.hex, e);
	if (!r)
		r = check("the inflated layer", want->diff_id, in->plain.hex, e);
	if (r < 0)
		return r;
	l.diff_id = arena_printf(a, "sha256:%s", in->plain.hex);
	l.dir = arena_printf(a, "%s/diff", place_layer(a, l.diff_id));
	l.size = stats.bytes;
	if (want->keep_blob) {
		l.blob = arena_printf(a, "sha256:%s", in->travelled.hex);
		l.blob_size = in->travelled.bytes;
		l.media_type = want->media_type ? want->media_type : media_type(in->inflate.found);
	}
	/* The blob first: a layer in its place never points to one that is missing. */
	if (want->keep_blob && want->blob_path)
		r = move_blob(a, want->blob_path, l.blob, e);
	if (!r)
		r = write_note(a, in->scratch, &l, e);
	if (!r)
		r = reveal(a, in->scratch, &l, e);
	if (r < 0)
		return r;
	in->scratch = NULL;
	*out = l;
	return 0;
}

void intake_done(struct intake *in)
{
	if (!in->open)
		return;
	unpack_kill(&in->worker);
	if (in->scratch)
		tree_remove(AT_FDCWD, in->scratch);
	inflate_sink_done(&in->inflate);
	sha256_sink_done(&in->plain);
	sha256_sink_done(&in->travelled);
	sigaction(SIGPIPE, &in->old_pipe, NULL);
	arena_free(&in->arena);
	in->open = false;
}

int layer_scratch(struct arena *a, char **path, struct err *e)
{
	return place_scratch(a, "scratch", path, e);
}

int layer_adopt(struct arena *a, const char *path, const struct pack_options *o,
		enum layer_origin from, struct layer *out, struct err *e)
{
	auto_fd int lock = -1;
	struct layer l = {0};
	char id[72], *scratch;
	int64_t tar_size;
	struct pack_options how = o ? *o : (struct pack_options){0};
	int r;

	/* Packing again must see what was packed now. */
	how.set_on_disk = true;
	how.skip_root_entry = false;
	r = pack_layer(path, -1, &how, id, &tar_size, e);
	if (r < 0)
		return r;
	r = intake_lock(a, id, &lock, e);
	if (r < 0)
		return r;
	r = layer_find(a, id, out, e);
	if (r <= 0)
		return r < 0 ? r : file_remove_tree(AT_FDCWD, path, e);
	l = (struct layer){
		.diff_id = arena_printf(a, "%s", id), .size = tar_size, .step = from == LAYER_STEP};
	l.dir = arena_printf(a, "%s/diff", place_layer(a, id));
	r = place_scratch(a, "layer", &scratch, e);
	if (r < 0)
		return r;
	if (rename(path, arena_printf(a, "%s/diff", scratch)) < 0)
		r = err_set(e, errno, "cannot move %s into the store: %s", path, strerror(errno));
	if (!r)
		r = write_note(a, scratch, &l, e);
	if (!r)
		r = reveal(a, scratch, &l, e);
	if (r < 0)
		return r;
	*out = l;
	return 0;
}

/* Reads all of fd into the worker. */
static int pump(int fd, struct sink *to, int64_t *travelled, struct err *e)
{
	static const size_t size = 256 << 10;
	auto_free char *part = mem_room(size);
	ssize_t n;
	int r;

	while ((n = sys_read(fd, part, size)) > 0) {
		*travelled += n;
		r = sink_write(to, part, (size_t)n, e);
		if (r < 0)
			return r;
	}
	if (n < 0)
		return err_set(e, (int)-n, "cannot read: %s", strerror((int)-n));
	return sink_end(to, e);
}

int layer_unpack_fd(int fd, const char *dir, const struct unpack_options *o, int64_t *size,
		    struct err *e)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;
	struct unpack_worker w;
	struct unpack_stats stats;
	struct inflate_sink inflate;
	struct ratio_sink ratio;
	struct limit_sink limit;
	struct fd_sink pipe;
	struct err why;
	int64_t travelled = 0;
	int r = unpack_start(dir, o, &w, e), finish;

	if (r < 0)
		return r;
	sigaction(SIGPIPE, &ignore, &old);
	fd_sink_init(&pipe, w.in);
	limit_sink_init(&limit, &pipe.sink, inflated_max, "the inflated archive");
	ratio_sink_init(&ratio, &limit.sink, &travelled);
	inflate_sink_init(&inflate, o->from_anywhere ? &ratio.sink : &pipe.sink);
	r = pump(fd, &inflate.sink, &travelled, e);
	inflate_sink_done(&inflate);
	finish = unpack_finish(&w, &stats, &why);
	sigaction(SIGPIPE, &old, NULL);
	if (finish < 0 && (!r || r == -EPIPE)) {
		*e = why;
		return finish;
	}
	if (!r && size)
		*size = stats.bytes;
	return r;
}
