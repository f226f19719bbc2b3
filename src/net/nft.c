#include "net/nft.h"
#include "base/dl.h"
#include "base/sys.h"
#include "net/netns.h"
#include <errno.h>
#include <linux/sched.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct nft_library {
	struct nft_ctx *(*new)(uint32_t flags);
	void (*free)(struct nft_ctx *ctx);
	int (*buffer_output)(struct nft_ctx *ctx);
	int (*buffer_error)(struct nft_ctx *ctx);
	const char *(*error)(struct nft_ctx *ctx);
	const char *(*output)(struct nft_ctx *ctx);
	int (*run)(struct nft_ctx *ctx, const char *text);
};

static int load(struct nft_library *lib, struct err *e)
{
	/* clang-format off */
	static const struct dl_symbol rows[] = {
		{"nft_ctx_new",              offsetof(struct nft_library, new)},
		{"nft_ctx_free",             offsetof(struct nft_library, free)},
		{"nft_ctx_buffer_output",    offsetof(struct nft_library, buffer_output)},
		{"nft_ctx_buffer_error",     offsetof(struct nft_library, buffer_error)},
		{"nft_ctx_get_error_buffer", offsetof(struct nft_library, error)},
		{"nft_ctx_get_output_buffer", offsetof(struct nft_library, output)},
		{"nft_run_cmd_from_buffer",  offsetof(struct nft_library, run)},
		{0},
	};
	/* clang-format on */

	return dl_load("libnftables.so.1", rows, lib, e);
}

struct one {
	const struct nft_library *lib;
	const char *text;
	struct err *e;
};

static int run(void *arg)
{
	const struct one *one = arg;
	const struct nft_library *lib = one->lib;
	struct nft_ctx *ctx = lib->new (NFT_CTX_DEFAULT);
	const char *why;
	int r;

	if (!ctx || lib->buffer_output(ctx) || lib->buffer_error(ctx))
		abort();
	r = lib->run(ctx, one->text);
	why = lib->error(ctx);
	if (r)
		r = err_set(one->e, EINVAL, "nftables refuses the rules: %.*s",
			    (int)strcspn(why, "\n"), why);
	lib->free(ctx);
	return r;
}

static void run_all(const struct nft_job *jobs, size_t n, struct err *e)
{
	struct nft_library lib;
	int r = load(&lib, e);

	for (size_t i = 0; !r && i < n; i++) {
		struct one one = {&lib, jobs[i].text, e};

		r = jobs[i].netns < 0 ? run(&one) : netns_call(jobs[i].netns, run, &one);
		if (r < 0 && !e->code)
			r = err_set(e, -r, "cannot enter a network namespace: %s", strerror(-r));
	}
	if (r < 0)
		err_wrap(e, "set up packet filter rules");
}

static __attribute__((noreturn)) void child(int out, const struct nft_job *jobs, size_t n)
{
	struct err e = {0};

	run_all(jobs, n, &e);
	(void)!sys_write_all(out, &e, sizeof(e));
	_exit(0);
}

int nft_run_in(const struct nft_job *jobs, size_t count, struct err *e)
{
	int ends[2], pidfd = -1, status, n, r;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd};

	r = sys_pipe(ends, 0);
	if (!r)
		r = sys_clone3(&args, sizeof(args));
	if (!r)
		child(ends[1], jobs, count);
	if (r < 0)
		return err_set(e, -r, "cannot start a process: %s", strerror(-r));
	close(ends[1]);
	n = sys_read_full(ends[0], e, sizeof(*e));
	close(ends[0]);
	(void)sys_pidfd_wait(pidfd, WEXITED | __WALL, &status);
	close(pidfd);
	if (n != sizeof(*e))
		return err_set(e, EIO, "the process that sets up packet filter rules died");
	return -e->code;
}

int nft_run(const char *text, struct err *e)
{
	return nft_run_in(&(struct nft_job){-1, text}, 1, e);
}
