/* A layer's tar, applied to a directory: beside it lies a file that must stay as it is. */
#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/unpack.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canary(const char *base)
{
	char path[128], text[8] = {0};
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/canary", base);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f) || strcmp(text, "keep") || fstat(fileno(f), &st) ||
	    (st.st_mode & 07777) != 0640 || st.st_nlink != 1)
		abort();
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_options options = {
		.whiteouts = true, .keep_owner = true, .size_limit = 1 << 20};
	auto_fd int tar = sys_memfd("tar", 0), root = -1;
	char base[] = "/tmp/berth-unpack-fuzz-XXXXXX", path[128];
	struct unpack_stats stats;
	struct err e;

	if (!mkdtemp(base))
		abort();
	snprintf(path, sizeof(path), "%s/canary", base);
	if (file_replace(AT_FDCWD, path, "keep", 4, 0640, FILE_FAST, &e) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/root", base);
	mkdir(path, 0755);
	root = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (sys_write_all(tar, data, size) < 0 || lseek(tar, 0, SEEK_SET) < 0)
		abort();
	(void)!unpack_apply(tar, root, &options, &stats, &e);
	check_canary(base);
	tree_remove(AT_FDCWD, base);
	return 0;
}
