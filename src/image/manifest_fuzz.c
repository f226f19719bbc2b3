/* Documents of registries and archives: manifest or index, and image configuration. */
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = {0};
	struct span text = {(const char *)data, size};
	struct platform here;
	struct manifest m = {0};
	struct image img = {0};
	struct err e;

	if (platform_parse(&a, "linux/amd64", &here, &e) < 0)
		return 0;
	if (!manifest_parse(&a, text, NULL, &here, &m, &e) && m.layers.n > LAYERS_MAX)
		__builtin_trap();
	if (!config_parse(&a, text, &img, &e) && img.diff_ids.n > LAYERS_MAX)
		__builtin_trap();
	return 0;
}
