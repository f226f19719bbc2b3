#include "net/dns.h"
#include "net/ip.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAD   "\x12\x34\x01\x00\0\1\0\0\0\0\0\0"
#define WEB    "\3WeB\0\0\1\0\1"
#define OPT    "\0\0\x29\x04\xd0\0\0\0\0\0\0"
#define RAW(s) (const uint8_t *)(s), sizeof(s) - 1

static void questions_are_read(void **state)
{
	struct dns_question q;

	assert_int_equal(dns_read(RAW(HEAD WEB), &q), 0);
	assert_string_equal(q.name, "web");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_A);
	assert_int_equal(q.room, 512);
	assert_int_equal(q.end, 21);
	assert_int_equal(dns_read(RAW("\x12\x34\x01\x00\0\1\0\0\0\0\0\1" WEB OPT), &q), 0);
	assert_true(q.edns);
	assert_int_equal(q.room, 1232);
	assert_int_equal(dns_read(RAW(HEAD "\4a.b\0\0\0\1\0\1"), &q), 0);
	assert_true(q.is_odd);
	assert_string_equal(q.name, "");
}

static void damaged_questions_are_refused(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		int expected;
	} rows[] = {
		{"", 0, -EBADMSG},
		{HEAD, 11, -EBADMSG},
		{"\1\1\x81\0\0\1\0\0\0\0\0\0" WEB, 21, -EBADMSG},
		{HEAD, 12, DNS_FORMERR},
		{HEAD "\3we", 15, DNS_FORMERR},
		{HEAD "\xc0\x0c\0\1\0\1", 18, DNS_FORMERR},
		{HEAD "\3web\0\0\1\0", 20, DNS_FORMERR},
		{"\1\1\x28\0\0\1\0\0\0\0\0\0" WEB, 21, DNS_NOTIMP},
		{"\1\1\1\0\0\2\0\0\0\0\0\0" WEB WEB, 30, DNS_FORMERR},
		{"\1\1\1\0\0\1\0\0\0\0\0\1" WEB "\0\0\x29", 24, DNS_FORMERR},
	};
	struct dns_question q;

	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(dns_read((const uint8_t *)rows[i].p, rows[i].n, &q),
				 rows[i].expected);
}

static void answers_are_written(void **state)
{
	static const uint8_t expected[] =
		"\x12\x34\x85\x80\0\1\0\1\0\0\0\0" WEB "\xc0\x0c\0\1\0\1\0\0\0\7\0\4\x0a\1\2\3";
	struct ip_addr ip;
	struct dns_question q;
	struct dns_writer w;
	uint8_t out[512];
	struct err e;

	assert_int_equal(ip_parse("10.1.2.3", &ip, &e), 0);
	assert_int_equal(dns_read(RAW(HEAD WEB), &q), 0);
	dns_begin(&w, out, sizeof(out), (const uint8_t *)HEAD WEB, &q, DNS_NOERROR);
	dns_put_ip(&w, &ip, 7);
	assert_int_equal(dns_finish(&w, &q), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
}

static void what_does_not_fit_is_said(void **state)
{
	struct ip_addr ip = {.family = AF_INET};
	struct dns_question q;
	struct dns_writer w;
	uint8_t out[512];
	size_t n;

	assert_int_equal(dns_read(RAW(HEAD WEB), &q), 0);
	dns_begin(&w, out, sizeof(out), (const uint8_t *)HEAD WEB, &q, DNS_NOERROR);
	for (int i = 0; i < 100; i++)
		dns_put_ip(&w, &ip, 7);
	n = dns_finish(&w, &q);
	assert_in_range(n, 490, 512);
	assert_true(out[2] & 2);
}

static void reverse_names_are_addresses(void **state)
{
	static const struct {
		const char *name, *ip;
	} rows[] = {
		{"3.2.1.10.in-addr.arpa", "10.1.2.3"},
		{"255.255.255.255.in-addr.arpa", "255.255.255.255"},
		{"256.2.1.10.in-addr.arpa", NULL},
		{"2.1.10.in-addr.arpa", NULL},
		{"9.3.2.1.10.in-addr.arpa", NULL},
		{"in-addr.arpa", NULL},
		{"web", NULL},
		{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.7.7.d.f.ip6.arpa",
		 "fd77:1::2"},
		{"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.7.7.d.f.ip6.arpa", NULL},
	};
	struct ip_addr ip;
	char text[64];

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(dns_reverse(rows[i].name, &ip), rows[i].ip != NULL);
		if (rows[i].ip)
			assert_string_equal(ip_print(&ip, false, text), rows[i].ip);
	}
}

#define REPLY(code, answers, authority)                                                            \
	"\x12\x34\x81" code "\0\1\0" answers "\0" authority "\0\0" WEB
#define TTL_300 "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x0a\1\2\3"
#define SOA_9   "\0\0\6\0\1\0\0\1\x2c\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x09"

static void replies_are_judged(void **state)
{
	static const uint8_t ask[] = HEAD WEB;
	static uint8_t aged[] = REPLY("\x80", "\1", "\0") TTL_300;
	struct dns_reply r;

	assert_true(dns_check(RAW(REPLY("\x80", "\1", "\0") TTL_300), ask, 21, &r));
	assert_int_equal(r.ttl, 300);
	assert_true(dns_check(RAW(REPLY("\x83", "\0", "\1") SOA_9), ask, 21, &r));
	assert_int_equal(r.code, DNS_NXDOMAIN);
	assert_int_equal(r.ttl, 9);
	assert_true(dns_check(RAW(REPLY("\x83", "\0", "\0")), ask, 21, &r));
	assert_int_equal(r.ttl, 0);
	assert_true(dns_check(RAW(REPLY("\x82", "\1", "\0") TTL_300), ask, 21, &r));
	assert_int_equal(r.ttl, 0);
	assert_false(dns_check(RAW(REPLY("\x80", "\2", "\0") TTL_300), ask, 21, &r));
	assert_false(
		dns_check(RAW("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), ask, 21, &r));
	assert_false(dns_check(RAW(HEAD WEB), ask, 21, &r));
	dns_age(aged, sizeof(aged) - 1, 100);
	assert_true(dns_check(aged, sizeof(aged) - 1, ask, 21, &r));
	assert_int_equal(r.ttl, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_read),
		cmocka_unit_test(damaged_questions_are_refused),
		cmocka_unit_test(answers_are_written),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(reverse_names_are_addresses),
		cmocka_unit_test(replies_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
