#include "net/nft.h"
#include "base/dl.h"
#include "base/sys.h"
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

static int run(const char *text, struct err *e)
{
	struct nft_library lib;
	struct nft_ctx *ctx;
	const char *why;
	int r;

	if (load(&lib, e) < 0)
		return err_wrap(e, "set up packet filter rules");
	ctx = lib.new(NFT_CTX_DEFAULT);
	if (!ctx || lib.buffer_output(ctx) || lib.buffer_error(ctx))
		abort();
	r = lib.run(ctx, text);
	why = lib.error(ctx);
	if (r)
		r = err_set(e, EINVAL, "nftables refuses the rules: %.*s", (int)strcspn(why, "\n"),
			    why);
	return r; /* the process ends here: nothing is taken apart */
}

static __attribute__((noreturn)) void child(int out, const char *text)
{
	struct err e = {0};

	(void)run(text, &e);
	(void)!sys_write_all(out, &e, sizeof(e));
	_exit(0);
}

int nft_run(const char *text, struct err *e)
{
	int ends[2], pidfd = -1, status, n, r;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd};

	r = sys_pipe(ends, 0);
	if (!r)
		r = sys_clone3(&args, sizeof(args));
	if (!r)
		child(ends[1], text);
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
