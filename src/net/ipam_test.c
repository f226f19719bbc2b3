#include "net/ip.h"
#include "net/ipam.h"
#include "net/net_fixture.h"

static void expect_subnet(const char *id, const char *name, const char *expected)
{
	struct ip_addr ip;
	char text[64];
	struct err e;

	assert_ok(ipam_subnet_take(id, name, NULL, AF_INET, &ip, &e));
	assert_string_equal(ip_print(&ip, true, text), expected);
}

static void subnets_are_stable_and_apart(void **state)
{
	struct ip_addr a, b, again;
	char dir[64], text[64];
	struct err e;

	host_enter(dir);
	assert_ok(ipam_subnet_take("id-a", "demo_a", NULL, AF_INET, &a, &e));
	assert_ok(ipam_subnet_take("id-b", "demo_b", NULL, AF_INET, &b, &e));
	assert_int_equal(a.prefix, 24);
	assert_false(ip_overlap(&a, &b));
	expect_subnet("id-a", "demo_a", ip_print(&a, true, text));
	assert_ok(ipam_subnet_free("id-a", &e));
	assert_ok(ipam_subnet_free("id-a", &e));
	/* Another network of that name finds the same one again. */
	assert_ok(ipam_subnet_take("id-c", "demo_a", NULL, AF_INET, &again, &e));
	assert_true(ip_equal(&a, &again));
	host_leave(dir);
}

static void both_families_live_side_by_side(void **state)
{
	struct ip_addr v4, v6, again, pool = ip_of("fd00::/8");
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_ok(ipam_subnet_take("id-a", "demo_a", NULL, AF_INET, &v4, &e));
	assert_ok(ipam_subnet_take("id-a", "demo_a", NULL, AF_INET6, &v6, &e));
	assert_true(ip_in(&v6, &pool));
	assert_int_equal(v6.prefix, 64);
	assert_ok(ipam_subnet_take("id-a", "demo_a", NULL, AF_INET, &again, &e));
	assert_true(ip_equal(&v4, &again));
	assert_ok(ipam_subnet_take("id-b", "demo_a", NULL, AF_INET6, &again, &e));
	assert_false(ip_overlap(&v6, &again));
	host_leave(dir);
}

static void what_the_host_routes_is_left_alone(void **state)
{
	struct ip_addr ip, wanted = ip_of("10.55.3.0/24"), free_one = ip_of("10.56.3.0/24");
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_int_equal(system("ip link add up0 type veth peer name up1 && ip link set up0 up && "
				"ip addr add 10.55.0.1/16 dev up0 && "
				"ip route add 172.16.0.0/13 dev up0"),
			 0);
	assert_int_equal(ipam_subnet_take("id-a", "demo_a", &wanted, AF_INET, &ip, &e),
			 -EADDRINUSE);
	assert_string_equal(e.why,
			    "subnet 10.55.3.0/24 overlaps 10.55.0.0/16, which this host routes "
			    "already");
	assert_ok(ipam_subnet_take("id-a", "demo_a", &free_one, AF_INET, &ip, &e));
	assert_int_equal(ipam_subnet_take("id-b", "demo_b", &free_one, AF_INET, &ip, &e),
			 -EADDRINUSE);
	assert_string_equal(e.why, "subnet 10.56.3.0/24 overlaps 10.56.3.0/24 of network demo_a");
	for (int i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof(id), "n%d", i);
		assert_ok(ipam_subnet_take(id, id, NULL, AF_INET, &ip, &e));
		assert_int_equal(ntohl(ip.v4.s_addr) >> 19, 0xac18 >> 3); /* 172.24.0.0/13 */
	}
	host_leave(dir);
}

static void expect_addr(const char *owner, const char *wanted, const char *range,
			const char *expected)
{
	struct ip_addr w = {0}, r = {0}, ip;
	char text[64];
	struct err e;

	if (wanted)
		w = ip_of(wanted);
	if (range)
		r = ip_of(range);
	assert_ok(ipam_addr_take("id-a", owner, &w, &r, AF_INET, &ip, &e));
	assert_string_equal(ip_print(&ip, true, text), expected);
}

static void addresses_are_given_and_remembered(void **state)
{
	struct ip_addr subnet = ip_of("10.56.3.0/28"), ip, w;
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_ok(ipam_subnet_take("id-a", "demo_a", &subnet, AF_INET, &ip, &e));
	expect_addr("web-1", NULL, NULL, "10.56.3.2/28");
	expect_addr("gateway", NULL, NULL, "10.56.3.1/28");
	expect_addr("web-2", NULL, NULL, "10.56.3.3/28");
	expect_addr("web-1", NULL, NULL, "10.56.3.2/28");
	expect_addr("db-1", "10.56.3.9", NULL, "10.56.3.9/28");
	expect_addr("ranged", NULL, "10.56.3.8/30", "10.56.3.8/28");
	expect_addr("ranged2", NULL, "10.56.3.8/30", "10.56.3.10/28");

	w = ip_of("10.56.3.9");
	assert_int_equal(ipam_addr_take("id-a", "x", &w, NULL, AF_INET, &ip, &e), -EADDRINUSE);
	assert_string_equal(e.why, "address 10.56.3.9 is taken by db-1");
	w = ip_of("10.57.3.9");
	assert_int_equal(ipam_addr_take("id-a", "x", &w, NULL, AF_INET, &ip, &e), -EINVAL);
	w = ip_of("10.56.3.15");
	assert_int_equal(ipam_addr_take("id-a", "x", &w, NULL, AF_INET, &ip, &e), -EINVAL);

	/* Freed, it waits for its owner while another is free, ... */
	assert_ok(ipam_addr_free("id-a", "web-1", &e));
	expect_addr("new", NULL, NULL, "10.56.3.4/28");
	expect_addr("web-1", NULL, NULL, "10.56.3.2/28");
	/* ... and no longer. */
	assert_ok(ipam_addr_free("id-a", "web-1", &e));
	for (int i = 0; i < 7; i++) {
		char owner[16];

		snprintf(owner, sizeof(owner), "fill%d", i);
		assert_ok(ipam_addr_take("id-a", owner, NULL, NULL, AF_INET, &ip, &e));
	}
	expect_addr("taker", NULL, NULL, "10.56.3.2/28");
	assert_int_equal(ipam_addr_take("id-a", "late", NULL, NULL, AF_INET, &ip, &e),
			 -EADDRNOTAVAIL);
	host_leave(dir);
}

static void edit_ledger(const char *how)
{
	char command[256];

	snprintf(command, sizeof(command), "%s \"$BERTH_ROOT\"/net/addresses-id-a", how);
	assert_int_equal(system(command), 0);
}

/* Rows are added and marked in place; what a crash tore is written anew without its last line. */
static void a_torn_line_costs_only_itself(void **state)
{
	struct ip_addr subnet = ip_of("10.56.3.0/28"), ip;
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_ok(ipam_subnet_take("id-a", "demo_a", &subnet, AF_INET, &ip, &e));
	expect_addr("web-1", NULL, NULL, "10.56.3.2/28");
	expect_addr("web-2", NULL, NULL, "10.56.3.3/28");
	assert_ok(ipam_addr_free("id-a", "web-1", &e));
	edit_ledger("printf -- '- web-1 10.56.3.2/28\n+ web-2 10.56.3.3/28\n' | cmp -");
	edit_ledger("printf '+ web-3 10.56' >>");
	assert_ok(ipam_addr_free("id-a", "web-2", &e));
	edit_ledger("printf -- '- web-1 10.56.3.2/28\n- web-2 10.56.3.3/28\n' | cmp -");
	expect_addr("web-1", NULL, NULL, "10.56.3.2/28");
	edit_ledger("printf '+ web-3 10.56' >>");
	expect_addr("web-4", NULL, NULL, "10.56.3.4/28");
	edit_ledger("printf -- '+ web-1 10.56.3.2/28\n- web-2 10.56.3.3/28\n+ web-4 10.56.3.4/28\n'"
		    " | cmp -");
	host_leave(dir);
}

static void names_cannot_break_the_files(void **state)
{
	struct ip_addr ip;
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_int_equal(ipam_subnet_take("../x", "demo", NULL, AF_INET, &ip, &e), -EINVAL);
	assert_int_equal(ipam_subnet_take("id", "a b", NULL, AF_INET, &ip, &e), -EINVAL);
	assert_int_equal(ipam_subnet_take("id", "a\nb", NULL, AF_INET, &ip, &e), -EINVAL);
	assert_int_equal(ipam_addr_take("id", "a", NULL, NULL, AF_INET, &ip, &e), -ENOENT);
	host_leave(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets_are_stable_and_apart),
		cmocka_unit_test(both_families_live_side_by_side),
		cmocka_unit_test(what_the_host_routes_is_left_alone),
		cmocka_unit_test(addresses_are_given_and_remembered),
		cmocka_unit_test(a_torn_line_costs_only_itself),
		cmocka_unit_test(names_cannot_break_the_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
