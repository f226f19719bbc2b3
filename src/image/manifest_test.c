#include "image/manifest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D      "\"sha256:" HEX "\""
#define CONFIG "\"config\":{\"mediaType\":\"x\",\"digest\":" D ",\"size\":2}"
#define LAYER  "{\"mediaType\":\"" MEDIA_OCI_GZIP "\",\"digest\":" D ",\"size\":7}"

/* clang-format off */
static const struct { const char *text, *type, *complaint; } bad[] = {
	{"[]", NULL, "schema version"},
	{"{\"schemaVersion\":1}", NULL, "schema version"},
	{"{\"schemaVersion\":2," CONFIG "}", NULL, "layers is missing"},
	{"{\"schemaVersion\":2,\"layers\":[]}", NULL, "config is not an object"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "],\"manifests\":[]}", MEDIA_OCI_MANIFEST, "as an index"},
	{"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", NULL, "as a manifest"},
	{"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\"," CONFIG ",\"layers\":[]}", MEDIA_OCI_MANIFEST, "the registry says"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"text/plain\",\"digest\":" D ",\"size\":1}]}", NULL, "not a file system layer"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" MEDIA_OCI_TAR "\",\"digest\":" D ",\"size\":-1}]}", NULL, "size is -1"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" MEDIA_OCI_TAR "\",\"digest\":\"sha256:../x\",\"size\":1}]}", NULL, "digest is not"},
	{"{\"schemaVersion\":2,\"schemaVersion\":2}", NULL, "not valid JSON"},
};

static const struct { const char *want, *offered; bool fits; } platforms[] = {
	{"linux/amd64",  "{\"os\":\"linux\",\"architecture\":\"amd64\"}", true},
	{"linux/x86_64", "{\"os\":\"linux\",\"architecture\":\"amd64\"}", true},
	{"linux/amd64",  "{\"os\":\"windows\",\"architecture\":\"amd64\"}", false},
	{"linux/arm64",  "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}", true},
	{"linux/arm/v7", "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}", true},
	{"linux/arm/v6", "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}", false},
	{"linux/arm64",  "{\"os\":\"unknown\",\"architecture\":\"unknown\"}", false},
};

static const struct { const char *text, *complaint; } bad_configs[] = {
	{"[]", "not an object"},
	{"{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "not a sha256 digest"},
	{"{\"rootfs\":{\"diff_ids\":\"x\"}}", "not a list"},
	{"{\"config\":{\"Env\":[\"=x\"]}}", "empty name"},
	{"{\"config\":{\"Env\":[1]}}", "not a string"},
	{"{\"config\":{\"Cmd\":\"x\"}}", "not a list"},
	{"{\"config\":{\"Labels\":{\"a\":1}}}", "not a string"},
	{"{\"config\":{\"User\":1}}", "not a string"},
	{"{\"config\":[]}", "not an object"},
};
/* clang-format on */

static int parse(struct arena *a, const char *text, const char *type, const char *want,
		 struct manifest *m, struct err *e)
{
	struct platform p;

	*m = (struct manifest){0};
	assert_int_equal(platform_parse(a, want, &p, e), 0);
	return manifest_parse(a, span_of(text), type, &p, m, e);
}

static void reads_an_image(void **state)
{
	auto_arena a = {0};
	struct manifest m;
	struct err e;

	assert_int_equal(parse(&a, "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "]}",
			       "text/plain", NULL, &m, &e),
			 0);
	assert_int_equal(m.kind, MANIFEST_IMAGE);
	assert_int_equal(m.layers.n, 1);
	assert_int_equal(m.layers.v[0].size, 7);
	assert_string_equal(m.layers.v[0].digest, "sha256:" HEX);
}

static void refuses_manifests(void **state)
{
	auto_arena a = {0};
	struct manifest m;
	struct err e;

	for (size_t i = 0; i < countof(bad); i++) {
		assert_true(parse(&a, bad[i].text, bad[i].type, NULL, &m, &e) < 0);
		if (!strstr(e.why, bad[i].complaint))
			fail_msg("%s: %s", bad[i].text, e.why);
	}
}

static void chooses_platforms(void **state)
{
	auto_arena a = {0};
	struct manifest m;
	struct err e;

	for (size_t i = 0; i < countof(platforms); i++) {
		const char *text = arena_printf(&a,
						"{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D
						",\"size\":1,"
						"\"platform\":%s},{\"digest\":" D
						",\"size\":2,\"platform\":{\"os\":\"plan9\"}}]}",
						platforms[i].offered);

		if (!parse(&a, text, NULL, platforms[i].want, &m, &e) != platforms[i].fits)
			fail_msg("%s of %s", platforms[i].want, platforms[i].offered);
	}
}

static void reads_a_configuration(void **state)
{
	static const char text[] =
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Env\":[\"A=b\",\"B\"],"
		"\"Cmd\":[\"x\"],\"Entrypoint\":null,\"ExposedPorts\":{\"80/"
		"tcp\":{}},\"Labels\":{\"k\":"
		"\"v\"},\"User\":\"1:2\",\"Healthcheck\":{\"Test\":[\"CMD\",\"t\"],\"Interval\":-5,"
		"\"Retries\":3}},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true}],"
		"\"rootfs\":{\"diff_ids\":[" D "]}}";
	auto_arena a = {0};
	struct image img = {0};
	struct err e;

	assert_int_equal(config_parse(&a, span_of(text), &img, &e), 0);
	assert_int_equal(img.env.n, 2);
	assert_string_equal(img.exposed.v[0], "80/tcp");
	assert_string_equal(pairs_get(&img.labels, "k"), "v");
	assert_string_equal(img.user, "1:2");
	assert_true(img.health.given);
	assert_int_equal(img.health.interval_ns, 0);
	assert_int_equal(img.health.retries, 3);
	assert_int_equal(img.entrypoint.n, 0);
	assert_true(img.history.v[0].empty_layer);
}

static void refuses_configurations(void **state)
{
	auto_arena a = {0};
	struct err e;

	for (size_t i = 0; i < countof(bad_configs); i++) {
		struct image img = {0};

		assert_true(config_parse(&a, span_of(bad_configs[i].text), &img, &e) < 0);
		if (!strstr(e.why, bad_configs[i].complaint))
			fail_msg("%s: %s", bad_configs[i].text, e.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_image),         cmocka_unit_test(refuses_manifests),
		cmocka_unit_test(chooses_platforms),      cmocka_unit_test(reads_a_configuration),
		cmocka_unit_test(refuses_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
