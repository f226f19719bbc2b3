#include "base/file.h"
#include "base/when.h"
#include "supervise/logs_read.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char dir[] = "/tmp/berth-logs-XXXXXX";

static void add(const char *file, int first, int last)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "a");
	assert_non_null(f);
	for (int i = first; i <= last; i++)
		fprintf(f,
			"{\"log\":\"line %d\\n\",\"stream\":\"%s\",\"time\":"
			"\"2026-01-01T00:00:%02d.000000000Z\"}\n",
			i, i % 2 ? "stdout" : "stderr", i);
	fclose(f);
}

/* The numbers of the lines that come, as text. */
static char *read_all(struct logs_reader *r, char out[256])
{
	struct logs_line line;
	struct err e;
	size_t n = 0;

	out[0] = '\0';
	while (logs_next(r, &line, &e) == 1) {
		assert_int_equal(line.is_stderr, atoi(line.text.p + 5) % 2 == 0);
		n += (size_t)snprintf(out + n, 256 - n, "%.*s ", (int)line.text.n - 6,
				      line.text.p + 5);
	}
	return out;
}

static int begin(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	add("json.log.8", 1, 3);
	add("json.log.9", 4, 6);
	add("json.log", 7, 9);
	return 0;
}

static int end(void **state)
{
	struct err e;

	return file_remove_tree(AT_FDCWD, dir, &e);
}

static void queries(void **state)
{
	int64_t second5 = 0;
	struct err e;
	char out[256];

	assert_int_equal(when_parse_rfc3339("2026-01-01T00:00:05Z", &second5, &e), 0);
	const struct {
		struct logs_query q;
		const char *expected;
	} cases[] = {
		{{.tail = -1}, "1 2 3 4 5 6 7 8 9 "},
		{{.tail = 0}, ""},
		{{.tail = 2}, "8 9 "},
		{{.tail = 5}, "5 6 7 8 9 "},
		{{.tail = 50}, "1 2 3 4 5 6 7 8 9 "},
		{{.tail = -1, .since_ns = second5}, "5 6 7 8 9 "},
		{{.tail = -1, .until_ns = second5}, "1 2 3 4 5 "},
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct logs_reader *r;

		assert_int_equal(logs_open(dir, &cases[i].q, &r, &e), 0);
		assert_string_equal(read_all(r, out), cases[i].expected);
		logs_close(r);
	}
}

static void follows_across_rotation(void **state)
{
	struct logs_reader *r;
	struct pollfd p = {.events = POLLIN};
	char out[256], from[128], to[128];
	struct err e;

	assert_int_equal(logs_open(dir, &(struct logs_query){.tail = 1}, &r, &e), 0);
	p.fd = logs_follow_fd(r, &e);
	assert_true(p.fd >= 0);
	assert_string_equal(read_all(r, out), "9 ");
	add("json.log", 10, 10);
	snprintf(from, sizeof(from), "%s/json.log", dir);
	snprintf(to, sizeof(to), "%s/json.log.10", dir);
	assert_int_equal(rename(from, to), 0);
	add("json.log", 11, 12);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_string_equal(read_all(r, out), "10 11 12 ");
	logs_close(r);
}

/* Two rotations while nobody reads, one of them compressed, and a successor of the same name. */
static void follows_through_a_recreation(void **state)
{
	struct logs_reader *r;
	char out[256], command[512];
	struct err e;

	assert_int_equal(logs_open(dir, &(struct logs_query){.tail = 1}, &r, &e), 0);
	assert_string_equal(read_all(r, out), "9 ");
	snprintf(command, sizeof(command),
		 "cd %s && mv json.log json.log.10 && mkdir previous && mv json.log.* previous",
		 dir);
	assert_int_equal(system(command), 0);
	add("previous/json.log.10", 10, 10);
	add("json.log.11", 11, 13);
	snprintf(command, sizeof(command), "gzip %s/json.log.11", dir);
	assert_int_equal(system(command), 0);
	assert_string_equal(read_all(r, out), "10 11 12 13 ");
	add("json.log", 14, 14);
	assert_string_equal(read_all(r, out), "14 ");
	logs_close(r);
	assert_int_equal(logs_open(dir, &(struct logs_query){.tail = 3}, &r, &e), 0);
	assert_string_equal(read_all(r, out), "12 13 14 ");
	logs_close(r);
}

static void nothing_yet(void **state)
{
	struct logs_reader *r;
	struct logs_line line;
	struct err e;

	assert_int_equal(logs_open("/no/such/logs", &(struct logs_query){.tail = -1}, &r, &e), 0);
	assert_int_equal(logs_next(r, &line, &e), 0);
	logs_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(queries, begin, end),
		cmocka_unit_test_setup_teardown(follows_across_rotation, begin, end),
		cmocka_unit_test_setup_teardown(follows_through_a_recreation, begin, end),
		cmocka_unit_test(nothing_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
