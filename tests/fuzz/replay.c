/* Runs a fuzz target once on every file of the folders named on the command line. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(16 << 20);
	size_t n;

	if (!f || !data) {
		perror(path);
		exit(1);
	}
	n = fread(data, 1, 16 << 20, f);
	fclose(f);
	/* An exact copy, so that a sanitizer sees a read one past the end. */
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, data, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *ent;
		char path[4096];

		if (!d)
			continue;
		while ((ent = readdir(d))) {
			if (ent->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], ent->d_name);
			ran += replay(path);
		}
		closedir(d);
	}
	printf("%d inputs replayed\n", ran);
	return ran ? 0 : 1;
}
