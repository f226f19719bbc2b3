#include "net/net_fixture.h"

#define ID "aaaabbbbccccdddd"

struct pair_of {
	char dir[64], pin[2][96];
	int ns[2];
	struct net_spec net;
	struct endpoint_spec ep[2];
};

static void wire_up(struct pair_of *p, struct net_spec net)
{
	struct err e;

	*p = (struct pair_of){.net = net};
	host_enter(p->dir);
	p->net.id = ID;
	p->net.name = "demo_default";
	p->net.subnet4 = ip_of("10.77.1.0/24");
	p->net.gateway4 = ip_of("10.77.1.1/24");
	assert_ok(network_up(&p->net, &e));
	for (int i = 0; i < 2; i++) {
		snprintf(p->pin[i], sizeof(p->pin[i]), "%s/ns%d", p->dir, i);
		assert_ok(netns_make(p->pin[i], NULL, &p->ns[i], &e));
		p->ep[i] = (struct endpoint_spec){.net = &p->net, .route4 = true, .route6 = true};
		p->ep[i].ip4 = ip_of(i ? "10.77.1.3/24" : "10.77.1.2/24");
		if (p->net.subnet6.family)
			p->ep[i].ip6 = ip_of(i ? "fd77::3/64" : "fd77::2/64");
		assert_ok(attach_to(p->ns[i], &p->ep[i], 1, &e));
	}
}

static void take_down(struct pair_of *p)
{
	struct err e;

	assert_ok(network_down(&p->net, &e));
	assert_ok(network_down(&p->net, &e));
	for (int i = 0; i < 2; i++) {
		close(p->ns[i]);
		assert_ok(netns_remove(p->pin[i], &e));
		assert_ok(netns_remove(p->pin[i], &e));
		assert_int_equal(access(p->pin[i], F_OK), -1);
	}
	host_leave(p->dir);
}

static void two_containers_reach_each_other(void **state)
{
	struct pair_of p;

	wire_up(&p, (struct net_spec){0});
	int fd = listen_in(p.ns[1], SOCK_STREAM, "0.0.0.0", 80);

	assert_int_equal(connect_from(p.ns[0], "10.77.1.3", 80), 0);
	assert_int_equal(connect_from(-1, "10.77.1.3", 80), 0);
	assert_int_equal(connect_from(p.ns[0], "10.77.1.3", 81), -ECONNREFUSED);
	close(fd);
	take_down(&p);
}

static void ipv6_works(void **state)
{
	struct pair_of p;

	wire_up(&p,
		(struct net_spec){.subnet6 = ip_of("fd77::/64"), .gateway6 = ip_of("fd77::1/64")});
	int fd = listen_in(p.ns[1], SOCK_STREAM, "::", 80);

	/* Multicast membership of a new address comes from a work queue: the first try may be lost.
	 */
	(void)connect_from(p.ns[0], "fd77::3", 80);
	assert_int_equal(connect_from(p.ns[0], "fd77::3", 80), 0);
	assert_int_equal(connect_from(-1, "fd77::3", 80), 0);
	close(fd);
	take_down(&p);
}

static void attaching_again_changes_nothing(void **state)
{
	struct pair_of p;
	struct err e;

	wire_up(&p, (struct net_spec){0});
	char before[16];

	memcpy(before, p.ep[0].host_side, 16);
	assert_ok(network_up(&p.net, &e));
	assert_ok(attach_to(p.ns[0], &p.ep[0], 1, &e));
	assert_string_equal(before, p.ep[0].host_side);
	assert_int_equal(system("test $(ip -o link | grep -c veth) = 2"), 0);
	take_down(&p);
}

static void without_icc_neighbours_are_strangers(void **state)
{
	struct pair_of p;

	wire_up(&p, (struct net_spec){.no_icc = true});
	int fd = listen_in(p.ns[1], SOCK_STREAM, "0.0.0.0", 80);

	assert_int_equal(connect_from(-1, "10.77.1.3", 80), 0);
	assert_int_not_equal(connect_from(p.ns[0], "10.77.1.3", 80), 0);
	close(fd);
	take_down(&p);
}

static void detaching_takes_both_ends(void **state)
{
	struct pair_of p;
	struct err e;

	wire_up(&p, (struct net_spec){0});
	assert_ok(endpoint_detach(p.ns[0], &p.ep[0], &e));
	assert_ok(endpoint_detach(p.ns[0], &p.ep[0], &e));
	assert_int_equal(system("test $(ip -o link | grep -c veth) = 1"), 0);
	assert_ok(attach_to(p.ns[0], &p.ep[0], 1, &e));
	assert_int_equal(system("test $(ip -o link | grep -c veth) = 2"), 0);
	take_down(&p);
}

static int look_inside(void *arg)
{
	return system(arg);
}

enum { MANY = 40 }; /* more than a word has bits */

static void many_endpoints_in_one_call(void **state)
{
	struct net_spec nets[MANY];
	struct endpoint_spec eps[MANY];
	char ids[MANY][16], dir[64], pin[96], ip[64];
	struct err e;
	int ns;

	host_enter(dir);
	for (int i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%012dx", i);
		nets[i] = (struct net_spec){.id = ids[i], .name = "n"};
		snprintf(ip, sizeof(ip), "10.78.%d.0/24", i);
		nets[i].subnet4 = ip_of(ip);
		snprintf(ip, sizeof(ip), "10.78.%d.1/24", i);
		nets[i].gateway4 = ip_of(ip);
		assert_ok(network_up(&nets[i], &e));
		snprintf(ip, sizeof(ip), "10.78.%d.9/24", i);
		eps[i] =
			(struct endpoint_spec){.net = &nets[i], .ip4 = ip_of(ip), .route4 = i == 7};
	}
	eps[3].interface = "wan0";
	memcpy(eps[4].mac, (uint8_t[]){2, 1, 2, 3, 4, 5}, 6);
	snprintf(pin, sizeof(pin), "%s/ns", dir);
	assert_ok(netns_make(pin, NULL, &ns, &e));
	assert_ok(attach_to(ns, eps, MANY, &e));
	assert_int_equal(
		netns_call(ns, look_inside, (void *)"test $(ip -o -4 addr | grep -c 10.78) = 40"),
		0);
	assert_int_equal(
		netns_call(ns, look_inside, (void *)"ip -4 addr show wan0 | grep -q 10.78.3.9/24"),
		0);
	assert_int_equal(netns_call(ns, look_inside,
				    (void *)"ip link show eth3 | grep -q 02:01:02:03:04:05"),
			 0);
	assert_int_equal(
		netns_call(ns, look_inside, (void *)"ip route | grep -q '^default via 10.78.7.1 '"),
		0);
	assert_int_equal(
		netns_call(ns, look_inside,
			   (void *)"test $(cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6) = 1"),
		0);
	for (int i = 0; i < MANY; i++)
		assert_ok(network_down(&nets[i], &e));
	close(ns);
	assert_ok(netns_remove(pin, &e));
	host_leave(dir);
}

static void macvlan_hangs_on_its_parent(void **state)
{
	struct net_spec net = {.id = ID, .name = "lan", .driver = NET_MACVLAN, .parent = "up0"};
	struct endpoint_spec ep = {.net = &net};
	char dir[64], pin[96];
	struct err e;
	int ns;

	host_enter(dir);
	assert_int_equal(network_up(&net, &e), -ENODEV);
	assert_non_null(strstr(e.why, "up0"));
	assert_int_equal(system("ip link add up0 type veth peer name up1 && ip link set up0 up && "
				"ip link set up1 up && ip addr add 10.79.0.1/24 dev up1"),
			 0);
	assert_ok(network_up(&net, &e));
	snprintf(pin, sizeof(pin), "%s/ns", dir);
	assert_ok(netns_make(pin, NULL, &ns, &e));
	ep.ip4 = ip_of("10.79.0.2/24");
	assert_ok(attach_to(ns, &ep, 1, &e));
	int fd = listen_in(ns, SOCK_STREAM, "0.0.0.0", 80);

	assert_int_equal(connect_from(-1, "10.79.0.2", 80), 0);
	assert_ok(endpoint_detach(ns, &ep, &e));
	close(fd);
	close(ns);
	assert_ok(netns_remove(pin, &e));
	host_leave(dir);
}

static void a_missing_bridge_is_said(void **state)
{
	struct net_spec net = {.id = ID, .name = "gone"};
	struct endpoint_spec ep = {.net = &net};
	char dir[64], pin[96];
	struct err e;
	int ns;

	host_enter(dir);
	snprintf(pin, sizeof(pin), "%s/ns", dir);
	assert_int_equal(netns_open(pin, &ns, &e), -ENOENT);
	assert_ok(netns_make(pin, NULL, &ns, &e));
	ep.ip4 = ip_of("10.79.0.2/24");
	assert_int_equal(attach_to(ns, &ep, 1, &e), -ENODEV);
	assert_string_equal(e.why, "network gone has no interface br-aaaabbbbcccc on this host");
	close(ns);
	assert_ok(netns_open(pin, &ns, &e));
	close(ns);
	assert_ok(netns_remove(pin, &e));
	host_leave(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_containers_reach_each_other),
		cmocka_unit_test(ipv6_works),
		cmocka_unit_test(attaching_again_changes_nothing),
		cmocka_unit_test(without_icc_neighbours_are_strangers),
		cmocka_unit_test(detaching_takes_both_ends),
		cmocka_unit_test(many_endpoints_in_one_call),
		cmocka_unit_test(macvlan_hangs_on_its_parent),
		cmocka_unit_test(a_missing_bridge_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
