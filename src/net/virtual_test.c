#include "net/ip.h"
#include "net/virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ip_addr ip(const char *text)
{
	struct ip_addr out;
	struct err e;

	assert_int_equal(ip_parse(text, &out, &e), 0);
	return out;
}

static void set(struct names *n, const char *network, const char *key, const char *address,
		const char *target)
{
	struct resolver_record rec = {
		.network = network, .key = key, .ip4 = ip(address), .is_virtual = true};
	auto_arena a = {0};

	if (target)
		*vec_push(&a, &rec.targets) = ip(target);
	*vec_push(&a, &rec.names) = "web";
	names_set(n, &rec, (uintptr_t)target);
}

static void rules_of_own_networks(void **state)
{
	struct names *n = names_new();
	struct strings networks = {0};
	auto_arena a = {0};
	auto_buf b = {0};

	*vec_push(&a, &networks) = "one";
	virtual_text(&b, n, &networks);
	assert_int_equal(b.n, 0);
	set(n, "one", "p:web", "10.0.0.9", "10.0.0.2");
	set(n, "one", "p:idle", "10.0.0.8", NULL);
	set(n, "two", "p:other", "10.1.0.9", "10.1.0.2");
	virtual_text(&b, n, &networks);
	assert_string_equal(
		b.p, "table inet berth-vip\ndelete table inet berth-vip\ntable inet berth-vip {\n"
		     "\tchain lead {\n\t\ttype nat hook output priority -100; policy accept;\n"
		     "\t\tip daddr 10.0.0.9 dnat ip to numgen inc mod 1 map { 0 : 10.0.0.2 }\n\t}\n"
		     "\tchain refuse {\n\t\ttype filter hook output priority 0; policy accept;\n"
		     "\t\tip daddr 10.0.0.8 reject\n\t}\n}\n");
	names_free(n);
}

static void tell(void *arg)
{
	(*(int *)arg)++;
}

static void changes_are_told(void **state)
{
	struct names *n = names_new();
	int told = 0;
	struct resolver_record plain = {.network = "one", .key = "p-a-1", .ip4 = ip("10.0.0.2")};

	names_on_virtual(n, tell, &told);
	names_set(n, &plain, 1);
	assert_int_equal(told, 0);
	set(n, "one", "p:web", "10.0.0.9", "10.0.0.2");
	assert_int_equal(told, 1);
	set(n, "one", "p:web", "10.0.0.9", "10.0.0.2");
	assert_int_equal(told, 1);
	set(n, "one", "p:web", "10.0.0.9", NULL);
	names_drop(n, "one", "p:web");
	assert_int_equal(told, 3);
	names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_own_networks),
		cmocka_unit_test(changes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
