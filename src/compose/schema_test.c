#include "base/file.h"
#include "base/when.h"
#include "compose/dotenv.h"
#include "compose/interpolate.h"
#include "compose/load.h"
#include "compose/render.h"
#include "compose/schema.h"
#include "compose/service.h"
#include "compose/short.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Every property of the specification has a row; tests/compose/attributes.txt lists them. */
static void test_every_attribute_has_a_row(void **state)
{
	const char *here = __FILE__, *end = strstr(here, "src/compose/");
	auto_arena a = {0};
	struct span text, line;
	struct err e;
	int count = 0;

	(void)state;
	assert_int_equal(file_read(&a, AT_FDCWD,
				   arena_printf(&a, "%.*stests/compose/attributes.txt",
						(int)(end - here), here),
				   1 << 20, &text, &e),
			 0);
	while (text.n) {
		const struct attr *row;

		span_cut(&text, '\n', &line);
		row = schema_find(&compose_row, span_dup(&a, line));
		if (!row || !row->doc)
			fail_msg("no row for %.*s", (int)line.n, line.p);
		count++;
	}
	assert_true(count >= 290);
	assert_null(schema_find(&compose_row, "services.*.nothing"));
}

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	return !strcmp(name, "A") ? "a" : !strcmp(name, "EMPTY") ? "" : NULL;
}

static void test_interpolate(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{"$A.b", "a.b"},
		{"${A}", "a"},
		{"$$A", "$A"},
		{"$1 $& $", "$1 $& $"},
		{"${U:-a-b?c}", "a-b?c"},
		{"${EMPTY-x}${EMPTY:-y}", "y"},
		{"${A:+yes}${U+no}", "yes"},
		{"${U:-{\"a\":1}}", "{\"a\":1}"},
		{"${U:-a}b}", "ab}"},
		{"${U:-\"q\"}", "\"q\""},
		{"${U:-${V:-$A}}", "a"},
		{"${A:-x$$y}", "a"},
		{"${U:-x$$y}", "x$y"},
		{"${", NULL},
		{"${}", NULL},
		{"${1A}", NULL},
		{"${A b}", NULL},
		{"${A:}", NULL},
		{"${A:0:1}", NULL},
		{"${#A}", NULL},
		{"${a.b}", NULL},
		{"${a-b.c}", "b.c"},
		{"${U:?need ${A}}", NULL},
		{"${A?${U?a message is expanded, needed or not}}", NULL},
		{"${U", NULL},
	};
	struct interpolation i = {.lookup = lookup};

	(void)state;
	for (size_t n = 0; n < countof(rows); n++) {
		auto_arena a = {0};
		struct err e = {0};
		const char *out = NULL;
		int r = interpolate(&a, rows[n].text, &i, &out, &e);

		if (rows[n].want ? r || strcmp(out, rows[n].want) : !r)
			fail_msg("%s gave %s", rows[n].text, r ? e.why : out);
	}
}

static void test_dotenv(void **state)
{
	static const struct {
		const char *text, *key,
			*want; /* want NULL: the file is refused, or the key not set */
	} rows[] = {
		{"K=v # c", "K", "v"},
		{"K=v#c", "K", "v#c"},
		{"K=v\t#c", "K", "v\t#c"},
		{"K=\xc2\xa0v\v\xc2\x85", "K", "v"},
		{"K='\\\\'\nL='it\\'s'", "L", "it's"},
		{"export K = v", "K", "v"},
		{"K: v", "K", "v"},
		{"K='a\nb'", "K", "a\nb"},
		{"K=\"a\\tb\\n\"", "K", "a\tb\n"},
		{"K=a\\tb", "K", "a\\tb"},
		{"X=1\nK=$X-${X}", "K", "1-1"},
		{"K='$X'", "K", "$X"},
		{"K=\"\\$X $$X\"", "K", "$X $X"},
		{"K=\"a\"b", "K", "a"},
		{"K=x\"y\"", "K", "x\"y\""},
		{"K=1\nK=2", "K", "2"},
		{"A", "A", "a"},
		{"U", "U", NULL},
		{"K K=1", "K", NULL},
		{"\xef\xbb\xbfK=1", "K", "1"},
		{"K=\"open", "K", NULL},
		{"1Z=d", "1Z", "d"},
		{"K=", "K", ""},
		{"A.B-C[0]=x", "A.B-C[0]", "x"},
		{"K;=1", "K", NULL},
	};

	(void)state;
	for (size_t n = 0; n < countof(rows); n++) {
		auto_arena a = {0};
		struct pairs out = {0};
		struct err e = {0};
		int r = dotenv_parse(&a, &(struct dotenv){"f", lookup, NULL, NULL},
				     span_of(rows[n].text), &out, &e);
		const char *have = r ? NULL : pairs_get(&out, rows[n].key);

		if (rows[n].want ? !have || strcmp(have, rows[n].want) : have != NULL)
			fail_msg("%s gave %s %s", rows[n].text, have ? have : "nothing", e.why);
	}
}

static void test_scalar_types(void **state)
{
	static const struct {
		const char *text;
		enum node_type type;
		const char *canonical;
	} rows[] = {
		{"~", TYPE_NULL, "~"},
		{"True", TYPE_BOOL, "true"},
		{"yes", TYPE_STR, "yes"},
		{"010", TYPE_INT, "8"},
		{"0o10", TYPE_INT, "8"},
		{"0x10", TYPE_INT, "16"},
		{"1_000", TYPE_INT, "1000"},
		{"1.0", TYPE_FLOAT, "1"},
		{"1e3", TYPE_FLOAT, "1000"},
		{"22:22", TYPE_STR, "22:22"},
		{"089", TYPE_INT, "89"},
		{"2001-12-14", TYPE_TIME, "2001-12-14"},
		{"-", TYPE_STR, "-"},
		{"1.2.3", TYPE_STR, "1.2.3"},
		{"0.1", TYPE_FLOAT, "0.1"},
		{"9223372036854775808", TYPE_FLOAT, "9.223372036854776e+18"},
	};

	(void)state;
	for (size_t n = 0; n < countof(rows) - 1; n++) {
		auto_arena a = {0};
		const char *canonical;

		assert_int_equal(node_type_of(&a, rows[n].text, &canonical), rows[n].type);
		assert_string_equal(canonical, rows[n].canonical);
	}
}

static void test_split(void **state)
{
	static const struct {
		const char *text, *want; /* words joined by | */
	} rows[] = {
		{"a b  c", "a|b|c"},
		{"a 'b c' \"d e\"", "a|b c|d e"},
		{"a\\ b", "a b"},
		{"''", ""},
		{"echo x > f", "echo|x"},
		{"a && b", "a"},
		{"$(date) `x y`", "$(date)|`x y`"},
		{"a 2>f", "a"},
		{"(a)", NULL},
		{"'a", NULL},
	};

	(void)state;
	for (size_t n = 0; n < countof(rows); n++) {
		auto_arena a = {0};
		auto_buf b = {0};
		struct strings words = {0};
		const char *op;
		int r = short_split(&a, rows[n].text, &words, &op);

		vec_each(w, &words)
			buf_printf(&b, "%s%s", w == words.v ? "" : "|", *w);
		if (rows[n].want ? r || strcmp(b.p ? b.p : "", rows[n].want) : !r)
			fail_msg("%s gave %s", rows[n].text, b.p);
	}
}

static const char file[] =
	"name: p\n"
	"services:\n"
	"  web:\n"
	"    image: a\n"
	"    command: [x, y]\n"
	"    entrypoint: []\n"
	"    environment: {A: '1', GONE: }\n"
	"    ports: ['127.0.0.1:8080:80/udp']\n"
	"    volumes: ['data:/d:ro', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]\n"
	"    healthcheck: {test: curl x, interval: 90s, retries: 2}\n"
	"    depends_on: {db: {condition: service_healthy}}\n"
	"    links: [db]\n"
	"    restart: on-failure:3\n"
	"    networks: {b: {priority: 5, aliases: [w]}, a: }\n"
	"    deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 64m}}}\n"
	"    ulimits: {nofile: 10, nproc: {soft: 1, hard: 2}}\n"
	"    stop_grace_period: 1m\n"
	"    x-berth: {heal: {max: 9, backoff: 2s}}\n"
	"  db: {image: b, container_name: db0}\n"
	"networks: {a: {ipam: {config: [{subnet: 10.9.0.0/24}]}}, b: {internal: true}}\n"
	"volumes: {data: {driver_opts: {type: none}}}\n";

static void check_project(const struct project *p)
{
	struct service *s = project_service(p, "web");

	assert_non_null(s);
	assert_string_equal(p->name, "p");
	assert_int_equal(s->command.words.n, 2);
	assert_true(s->entrypoint.given);
	assert_int_equal(s->entrypoint.words.n, 0);
	assert_false(project_service(p, "db")->command.given);
	assert_string_equal(pairs_get(&s->environment, "A"), "1");
	assert_int_equal(s->environment.n, 2);
	assert_null(pairs_get(&s->environment, "GONE"));
	assert_string_equal(s->ports.v[0].host_ip, "127.0.0.1");
	assert_int_equal(s->ports.v[0].target, 80);
	assert_string_equal(s->ports.v[0].protocol, "udp");
	assert_int_equal(s->volumes.v[0].type, MOUNT_VOLUME);
	assert_true(s->volumes.v[0].read_only);
	assert_int_equal(s->volumes.v[1].type, MOUNT_TMPFS);
	assert_int_equal(s->volumes.v[1].tmpfs_size, 1 << 20);
	assert_int_equal(s->volumes.v[1].tmpfs_mode, -1);
	assert_string_equal(s->healthcheck.test.v[0], "CMD-SHELL");
	assert_int_equal(s->healthcheck.interval_ns, 90 * NS_PER_SEC);
	assert_int_equal(s->healthcheck.timeout_ns, -1);
	assert_int_equal(s->healthcheck.retries, 2);
	assert_int_equal(s->depends_on.n, 1);
	assert_int_equal(s->depends_on.v[0].condition, DEPEND_HEALTHY);
	assert_true(s->depends_on.v[0].required);
	assert_int_equal(s->restart.when, RESTART_ON_FAILURE);
	assert_int_equal(s->restart.max_attempts, 3);
	assert_string_equal(s->networks.v[0].network, "b");
	assert_string_equal(s->networks.v[0].aliases.v[0], "w");
	assert_int_equal(s->replicas, 2);
	assert_true(s->limits.cpus > 0.49 && s->limits.cpus < 0.51);
	assert_int_equal(s->limits.memory, 64 << 20);
	assert_int_equal(s->limits.swappiness, -1);
	assert_int_equal(s->ulimits.v[0].hard, 10);
	assert_int_equal(s->ulimits.v[1].hard, 2);
	assert_int_equal(s->stop_grace_ns, 60 * NS_PER_SEC);
	assert_true(s->heal.enabled);
	assert_int_equal(s->heal.max, 9);
	assert_int_equal(s->heal.backoff_min_ns, 2 * NS_PER_SEC);
	assert_string_equal(project_network(p, "a")->pools.v[0].subnet, "10.9.0.0/24");
	assert_true(project_network(p, "b")->internal);
	assert_true(project_network(p, "b")->enable_ipv4);
	assert_string_equal(project_volume(p, "data")->name, "p_data");
	assert_string_equal(project_service(p, "db")->container_name, "db0");
	assert_false(project_service(p, "db")->heal.enabled);
}

/* docker's own format: nothing is unquoted, but a name is a name. */
static void test_dotenv_raw(void **state)
{
	static const struct {
		const char *text, *want; /* of A; NULL: refused */
	} rows[] = {
		{"A='$x' # y", "'$x' # y"}, {" A=1\r\n#c\n", "1"}, {"A =1", NULL},
		{"export A=1", NULL},       {"=1", NULL},          {"A", "a"},
	};

	(void)state;
	for (size_t n = 0; n < countof(rows); n++) {
		auto_arena a = {0};
		struct pairs out = {0};
		struct err e = {0};
		int r = dotenv_parse_raw(&a, &(struct dotenv){"f", lookup, NULL, NULL},
					 span_of(rows[n].text), &out, &e);

		if (rows[n].want ? r || strcmp(pairs_get(&out, "A"), rows[n].want) : !r)
			fail_msg("%s gave %d", rows[n].text, r);
	}
}

static void test_decode_save_and_load_again(void **state)
{
	static const char *const env[] = {"HOME=/", NULL};
	auto_arena a = {0};
	char dir[] = "/tmp/berth-compose.XXXXXX";
	struct load_options o = {.environ = env};
	struct project *p, *again;
	struct err e = {0};
	const char *saved;

	(void)state;
	assert_non_null(mkdtemp(dir));
	o.cwd = dir;
	assert_int_equal(file_replace(AT_FDCWD, arena_printf(&a, "%s/compose.yaml", dir), file,
				      strlen(file), 0644, FILE_FAST, &e),
			 0);
	if (project_load(&a, &o, &p, &e) < 0)
		fail_msg("%s %s", e.at, e.why);
	check_project(p);
	saved = arena_printf(&a, "%s/saved", dir);
	assert_int_equal(project_save(p, saved, FILE_FAST, &e), 0);
	if (project_load_saved(&a, saved, &again, &e) < 0)
		fail_msg("%s %s", e.at, e.why);
	check_project(again);
	assert_string_equal(project_service(p, "web")->hash, project_service(again, "web")->hash);
	assert_string_equal(again->dir, dir);
	assert_string_equal(node_at(&a, node_path(p->tree, "services.web.image")),
			    node_at(&a, node_path(again->tree, "services.web.image")));
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_attribute_has_a_row),
		cmocka_unit_test(test_interpolate),
		cmocka_unit_test(test_dotenv),
		cmocka_unit_test(test_dotenv_raw),
		cmocka_unit_test(test_scalar_types),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_decode_save_and_load_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
