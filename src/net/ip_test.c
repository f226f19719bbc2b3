#include "net/ip.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void addresses_are_read_and_printed(void **state)
{
	static const struct {
		const char *in, *plain, *full;
	} rows[] = {
		{"10.1.2.3", "10.1.2.3", "10.1.2.3/32"},
		{"10.1.2.3/24", "10.1.2.3", "10.1.2.3/24"},
		{"0.0.0.0/0", "0.0.0.0", "0.0.0.0/0"},
		{"fd00::1/64", "fd00::1", "fd00::1/64"},
		{"::1", "::1", "::1/128"},
		{"fe80:0:0:0:0:0:0:1", "fe80::1", "fe80::1/128"},
	};
	struct ip_addr ip;
	char text[64];
	struct err e;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(ip_parse(rows[i].in, &ip, &e), 0);
		assert_string_equal(ip_print(&ip, false, text), rows[i].plain);
		assert_string_equal(ip_print(&ip, true, text), rows[i].full);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"10.1.2",
		"10.1.2.3/33",
		"10.1.2.3/",
		"fd00::/129",
		"10.1.2.3 ",
		"010.1.2.3",
		"1.2.3.4/-1",
		"::g",
		"1.2.3.4/2x",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	struct ip_addr ip;
	struct err e;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(ip_parse(rows[i], &ip, &e), -EINVAL);
		assert_non_null(strstr(e.why, rows[i]));
	}
}

static struct ip_addr ip_of(const char *s)
{
	struct ip_addr ip;
	struct err e;

	assert_int_equal(ip_parse(s, &ip, &e), 0);
	return ip;
}

static void subnets_contain_and_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool in, overlap;
	} rows[] = {
		{"10.1.2.3", "10.1.2.0/24", true, true},
		{"10.1.3.3", "10.1.2.0/24", false, false},
		{"10.1.0.0/16", "10.1.2.0/24", false, true},
		{"10.1.2.128/25", "10.1.2.0/24", true, true},
		{"172.31.255.255", "172.16.0.0/12", true, true},
		{"172.32.0.0", "172.16.0.0/12", false, false},
		{"fd00:1::1", "fd00:1::/64", true, true},
		{"fd00:1::1", "10.0.0.0/8", false, false},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct ip_addr a = ip_of(rows[i].a), b = ip_of(rows[i].b);

		assert_int_equal(ip_in(&a, &b), rows[i].in);
		assert_int_equal(ip_overlap(&a, &b), rows[i].overlap);
	}
}

static void the_nth_address_carries(void **state)
{
	struct ip_addr s4 = ip_of("10.1.2.0/16"), s6 = ip_of("fd00::/64"), ip;
	char text[64];

	ip = ip_nth(&s4, 257);
	assert_string_equal(ip_print(&ip, true, text), "10.1.1.1/16");
	ip = ip_nth(&s6, 0x10002);
	assert_string_equal(ip_print(&ip, false, text), "fd00::1:2");
	assert_int_equal(ip_hosts(&s4), 65536);
	assert_int_equal(ip_hosts(&s6), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(subnets_contain_and_overlap),
		cmocka_unit_test(the_nth_address_carries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
