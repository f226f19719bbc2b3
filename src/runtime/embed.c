/* Runs while berth is built: prints a file as a C array. */
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
	int c;

	if (!f)
		return 1;
	printf("static const unsigned char %s[] = {", argv[2]);
	for (size_t i = 0; (c = getc(f)) != EOF; i++)
		printf("%s%d,", i % 20 ? "" : "\n\t", c);
	printf("\n};\n");
	return ferror(f) || fclose(f) ? 1 : 0;
}
