#include "image/ref.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* clang-format off */
static const struct { const char *in, *full, *shown; } good[] = {
	{"alpine",                      "docker.io/library/alpine:latest",  "alpine:latest"},
	{"alpine:3.20",                 "docker.io/library/alpine:3.20",    "alpine:3.20"},
	{"a/b",                         "docker.io/a/b:latest",             "a/b:latest"},
	{"docker.io/alpine",            "docker.io/library/alpine:latest",  "alpine:latest"},
	{"index.docker.io/a/b:x",       "docker.io/a/b:x",                  "a/b:x"},
	{"localhost/x",                 "localhost/x:latest",               "localhost/x:latest"},
	{"localhost:5000/x/y:1",        "localhost:5000/x/y:1",             "localhost:5000/x/y:1"},
	{"[::1]:5000/x",                "[::1]:5000/x:latest",              "[::1]:5000/x:latest"},
	{"ghcr.io/a/b__c/d--e.f:V_1.0-x", "ghcr.io/a/b__c/d--e.f:V_1.0-x",  "ghcr.io/a/b__c/d--e.f:V_1.0-x"},
	{"Up.Case/x",                   "Up.Case/x:latest",                 "Up.Case/x:latest"},
	{"alpine@sha256:" HEX,          "docker.io/library/alpine@sha256:" HEX, "alpine@sha256:" HEX},
	{"alpine:3@sha256:" HEX,        "docker.io/library/alpine:3@sha256:" HEX, "alpine:3@sha256:" HEX},
};

static const char *const bad[] = {
	"", ":", "@", "/", "a//b", "a/", "/a", "Alpine", "a:", "a:-x", "a:.x", "a b", "a\nb", "a/../b",
	"../a", "a/..", ".a", "a.", "a..b", "a___b", "a._b", "-a", "a:x:y", "a@sha256:abc", "a@md5:" HEX,
	"a@sha256:" HEX "0", "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	"host:port/x", "a.b:999999/x", "host.:80/x", "-h.o/x", "h.o:/x", "[::1/x", "[::g]/x", "x@", "\xc3\xa4",
	"a:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};
/* clang-format on */

static void completes_good_ones(void **state)
{
	auto_arena a = {0};
	struct ref r;
	struct err e;

	for (size_t i = 0; i < countof(good); i++) {
		assert_int_equal(ref_parse(&a, good[i].in, &r, &e), 0);
		assert_string_equal(ref_full(&a, &r), good[i].full);
		assert_string_equal(ref_short(&a, &r), good[i].shown);
	}
}

static void refuses_bad_ones(void **state)
{
	auto_arena a = {0};
	struct ref r;
	struct err e;

	for (size_t i = 0; i < countof(bad); i++) {
		if (ref_parse(&a, bad[i], &r, &e) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes_good_ones),
		cmocka_unit_test(refuses_bad_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
