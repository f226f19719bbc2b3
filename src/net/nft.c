#include "net/nft.h"
#include "base/dl.h"
#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

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

int nft_ask(const char *text, struct buf *out, struct err *e)
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
	else if (out)
		buf_str(out, lib.output(ctx));
	lib.free(ctx);
	return r;
}

int nft_run(const char *text, struct err *e)
{
	return nft_ask(text, NULL, e);
}
