#include "runtime/users.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "app:x:1000:100:App:/home/app:/bin/sh\n"
			     "alias:x:1000:7::/home/alias:/bin/sh\n"
			     "1e3:x:0:0::/:/bin/sh\n"
			     "4294967296:x:0:0::/:/bin/sh\n"
			     "broken\n"
			     "neg:x:-1:0::/:\n"
			     "last:x:7:8";
static const char group[] =
	"root:x:0:root\nusers:x:100:\ndocker:x:998:other,app\naudio:x:29:app,last\n"
	"wheel:x:10:root\n";

static void picks(void **state)
{
	/* clang-format off */
	static const struct {
		const char *user;
		int want;
		unsigned uid, gid;
		const char *home, *groups;
	} rows[] = {
		{NULL,             0, 0,    0,   "/root",     "0 10"},
		{"",               0, 0,    0,   "/root",     "0 10"},
		{"app",            0, 1000, 100, "/home/app", "998 29"},
		{"alias",          0, 1000, 7,   "/home/app", ""},
		{"1000",           0, 1000, 100, "/home/app", "998 29"},
		{"1000:5",         0, 1000, 5,   "/home/app", ""},
		{"app:docker",     0, 1000, 998, "/home/app", ""},
		{"1234",           0, 1234, 0,   "/",         ""},
		{"1",              0, 1,    0,   "/",         ""},
		{"01",             0, 1,    0,   "/",         ""},
		{"last",           0, 7,    8,   "/",         "29"},
		{"2147483647",     0, 2147483647, 0, "/",     ""},
		{"2147483648",     -EINVAL}, {"4294967296", -EINVAL}, {"99999999999999999999999", -EINVAL},
		{"-1", -EINVAL}, {"+1", -EINVAL}, {"0x1", -EINVAL}, {" 1", -EINVAL}, {"neg", -EINVAL},
		{"1:", -EINVAL}, {":5", -EINVAL}, {":", -EINVAL}, {"1:2:3", -EINVAL}, {"app:none", -EINVAL},
		{"nobody", -EINVAL}, {"1:4294967296", -EINVAL},
		{"1e3",            0, 0,    0,   "/root",         ""}, /* a name, and the image says who */
	};
	/* clang-format on */
	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		auto_buf text = {0};
		struct user u;
		struct err e = {0};
		int r = users_pick(&a, span_of(passwd), span_of(group), rows[i].user, NULL, &u, &e);

		if (r != rows[i].want)
			fail_msg("user \"%s\": %d, not %d (%s)", rows[i].user, r, rows[i].want,
				 e.why);
		if (r < 0)
			continue;
		assert_int_equal(u.uid, rows[i].uid);
		assert_int_equal(u.gid, rows[i].gid);
		assert_string_equal(u.home, rows[i].home);
		buf_str(&text, "");
		for (size_t g = 0; g < u.n_groups; g++)
			buf_printf(&text, "%s%u", g ? " " : "", u.groups[g]);
		assert_string_equal(text.p, rows[i].groups);
	}
}

static void adds_groups(void **state)
{
	auto_arena a = {0};
	struct strings extra = {0};
	struct user u;
	struct err e;

	*vec_push(&a, &extra) = "audio";
	*vec_push(&a, &extra) = "4000";
	assert_int_equal(users_pick(&a, span_of(passwd), span_of(group), "app", &extra, &u, &e), 0);
	assert_int_equal(u.n_groups, 3);
	assert_int_equal(u.groups[2], 4000);
	*vec_push(&a, &extra) = "nosuch";
	assert_int_equal(users_pick(&a, span_of(passwd), span_of(group), "app", &extra, &u, &e),
			 -EINVAL);
	assert_string_equal(e.why, "no group \"nosuch\" in the container's /etc/group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(picks), cmocka_unit_test(adds_groups)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
