#include "net/ip.h"
#include "net/net_fixture.h"
#include "net/publish.h"

#define ID_A "aaaabbbbccccdddd"
#define ID_B "bbbbccccddddeeee"

/* A host with two networks of one container each, and a machine outside. */
struct stage {
	struct arena arena;
	char dir[64], pins[3][96];
	int a, b, outside;
	struct net_spec net_a, net_b;
	struct net_rules rules;
};

static int add_container(struct stage *s, int i, const struct net_spec *n, const char *ip4,
			 const char *ip6)
{
	struct endpoint_spec ep = {
		.net = n, .ip4 = ip_of(ip4), .ip6 = ip_of(ip6), .route4 = true, .route6 = true};
	struct err e;
	int ns;

	snprintf(s->pins[i], sizeof(s->pins[i]), "%s/ns%d", s->dir, i);
	assert_ok(netns_make(s->pins[i], NULL, &ns, &e));
	assert_ok(attach_to(ns, &ep, 1, &e));
	return ns;
}

static int outside_addresses(void *arg)
{
	return system(
		"ip link set lo up; ip addr add 192.0.2.2/24 dev up1; ip link set up1 up;"
		"ip -6 addr add 2001:db8::2/64 dev up1 nodad;"
		"ip route add 10.0.0.0/8 via 192.0.2.1; ip -6 route add fd00::/8 via 2001:db8::1");
}

static void set_stage(struct stage *s, struct net_spec a)
{
	char command[256];
	struct err e;

	*s = (struct stage){.net_a = a};
	host_enter(s->dir);
	s->net_a.id = ID_A;
	s->net_a.name = "demo_a";
	s->net_a.subnet4 = ip_of("10.77.1.0/24");
	s->net_a.gateway4 = ip_of("10.77.1.1/24");
	s->net_a.subnet6 = ip_of("fd77:1::/64");
	s->net_a.gateway6 = ip_of("fd77:1::1/64");
	s->net_b = s->net_a;
	s->net_b.internal = s->net_b.no_icc = false;
	s->net_b.id = ID_B;
	s->net_b.name = "demo_b";
	s->net_b.subnet4 = ip_of("10.77.2.0/24");
	s->net_b.gateway4 = ip_of("10.77.2.1/24");
	s->net_b.subnet6 = ip_of("fd77:2::/64");
	s->net_b.gateway6 = ip_of("fd77:2::1/64");
	assert_ok(network_up(&s->net_a, &e));
	assert_ok(network_up(&s->net_b, &e));
	s->a = add_container(s, 0, &s->net_a, "10.77.1.2/24", "fd77:1::2/64");
	s->b = add_container(s, 1, &s->net_b, "10.77.2.2/24", "fd77:2::2/64");
	snprintf(s->pins[2], sizeof(s->pins[2]), "%s/ns2", s->dir);
	assert_ok(netns_make(s->pins[2], NULL, &s->outside, &e));
	snprintf(
		command, sizeof(command),
		"ip link add up0 type veth peer name up1 netns /proc/%d/fd/%d &&"
		"ip addr add 192.0.2.1/24 dev up0 && ip -6 addr add 2001:db8::1/64 dev up0 nodad &&"
		"ip link set up0 up",
		getpid(), s->outside);
	assert_int_equal(system(command), 0);
	assert_int_equal(netns_call(s->outside, outside_addresses, NULL), 0);
	s->rules.project = "demo";
	*vec_push(&s->arena, &s->rules.networks) = &s->net_a;
	*vec_push(&s->arena, &s->rules.networks) = &s->net_b;
}

static struct publish_rule *publish(struct stage *s, const char *host_ip, uint16_t port)
{
	struct publish_rule *p = vec_push(&s->arena, &s->rules.published);

	*p = (struct publish_rule){.protocol = "tcp", .host_port = port};
	if (host_ip)
		p->host_ip = ip_of(host_ip);
	*vec_push(&s->arena, &p->targets) = (struct publish_target){ip_of("10.77.1.2"), 80};
	*vec_push(&s->arena, &p->targets) = (struct publish_target){ip_of("fd77:1::2"), 80};
	return p;
}

static void apply(struct stage *s)
{
	struct publish_seen seen = {0};
	struct err e;

	if (publish_apply(&s->rules, &seen, &e) < 0)
		fail_msg("%s\n%s", e.why, publish_text(&s->arena, &s->rules));
}

static void clear_stage(struct stage *s)
{
	struct err e;

	assert_ok(publish_remove("demo", &e));
	assert_ok(publish_remove("demo", &e));
	assert_int_equal(system("test -z \"$(nft list tables)\""), 0);
	assert_ok(network_down(&s->net_a, &e));
	assert_ok(network_down(&s->net_b, &e));
	close(s->a);
	close(s->b);
	close(s->outside);
	for (int i = 0; i < 3; i++)
		assert_ok(netns_remove(s->pins[i], &e));
	arena_free(&s->arena);
	host_leave(s->dir);
}

static void a_published_port_answers_everywhere(void **state)
{
	struct stage s;

	set_stage(&s, (struct net_spec){0});
	publish(&s, NULL, 8080);
	apply(&s);
	int v4 = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80);
	int v6 = listen_in(s.a, SOCK_STREAM, "fd77:1::2", 80);

	assert_int_equal(connect_from(s.outside, "192.0.2.1", 8080), 0);
	(void)connect_from(s.outside, "2001:db8::1", 8080); /* as in endpoint_test */
	assert_int_equal(connect_from(s.outside, "2001:db8::1", 8080), 0);
	assert_int_equal(connect_from(-1, "127.0.0.1", 8080), 0);
	assert_int_equal(connect_from(-1, "192.0.2.1", 8080), 0);
	assert_int_equal(connect_from(s.b, "192.0.2.1", 8080), 0); /* another network */
	assert_int_equal(connect_from(s.a, "192.0.2.1", 8080), 0); /* itself, by the host */
	assert_int_equal(connect_from(s.a, "10.77.1.1", 8080), 0);
	assert_int_equal(connect_from(-1, "2001:db8::1", 8080), 0);
	assert_int_equal(connect_from(-1, "::1", 8080), 0);
	close(v4);
	close(v6);
	clear_stage(&s);
}

static void a_loopback_port_stays_inside(void **state)
{
	struct stage s;

	set_stage(&s, (struct net_spec){0});
	publish(&s, "127.0.0.1", 8080);
	apply(&s);
	int fd = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80);

	assert_int_equal(connect_from(-1, "127.0.0.1", 8080), 0);
	assert_int_not_equal(connect_from(s.outside, "192.0.2.1", 8080), 0);
	/* A neighbour that sends 127.0.0.1 over the wire. */
	assert_int_equal(netns_call(s.outside, (int (*)(void *))system,
				    (void *)"echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet;"
					    "ip addr del 127.0.0.1/8 dev lo; ip route add "
					    "127.0.0.1 via 192.0.2.1"),
			 0);
	assert_int_equal(system("echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"), 0);
	assert_int_not_equal(connect_from(s.outside, "127.0.0.1", 8080), 0);
	close(fd);
	clear_stage(&s);
}

static void networks_are_apart(void **state)
{
	struct stage s;

	set_stage(&s, (struct net_spec){0});
	apply(&s);
	int fd = listen_in(s.b, SOCK_STREAM, "0.0.0.0", 80);
	int out = listen_in(s.outside, SOCK_STREAM, "0.0.0.0", 80);
	int out6 = listen_in(s.outside, SOCK_STREAM, "2001:db8::2", 80);

	assert_int_equal(connect_from(-1, "10.77.2.2", 80), 0);
	assert_int_not_equal(connect_from(s.a, "10.77.2.2", 80), 0);
	assert_int_not_equal(connect_from(s.outside, "10.77.2.2", 80),
			     0);                                 /* routed straight at it */
	assert_int_equal(connect_from(s.a, "192.0.2.2", 80), 0); /* masqueraded */
	assert_int_equal(connect_from(s.a, "2001:db8::2", 80), 0);
	close(fd);
	close(out);
	close(out6);
	clear_stage(&s);
}

static void an_internal_network_is_closed(void **state)
{
	struct stage s;

	set_stage(&s, (struct net_spec){.internal = true});
	publish(&s, NULL, 8080);
	apply(&s);
	int fd = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80);
	int out = listen_in(s.outside, SOCK_STREAM, "0.0.0.0", 80);
	struct endpoint_spec second = {.net = &s.net_a, .ip4 = ip_of("10.77.1.3/24")};
	struct err e;

	assert_int_not_equal(connect_from(s.a, "192.0.2.2", 80), 0);
	/* Not even with a route that it makes itself. */
	(void)!netns_call(s.a, (int (*)(void *))system,
			  (void *)"ip route add default via 10.77.1.1");
	assert_int_not_equal(connect_from(s.a, "192.0.2.2", 80), 0);
	assert_int_not_equal(connect_from(s.outside, "192.0.2.1", 8080), 0);
	assert_ok(attach_to(s.b, &second, 1, &e));
	assert_int_equal(connect_from(s.b, "10.77.1.2", 80), 0);
	close(fd);
	close(out);
	clear_stage(&s);
}

static int accepted(int fd)
{
	int n = 0, c;

	while ((c = accept(fd, NULL, NULL)) >= 0) {
		close(c);
		n++;
	}
	return n;
}

static void connections_are_spread(void **state)
{
	struct endpoint_spec ep;
	struct publish_rule *p;
	struct stage s;
	struct err e;

	set_stage(&s, (struct net_spec){0});
	ep = (struct endpoint_spec){.net = &s.net_a, .ip4 = ip_of("10.77.1.3/24")};
	assert_ok(attach_to(s.b, &ep, 1, &e));
	p = publish(&s, NULL, 8080);
	*vec_push(&s.arena, &p->targets) = (struct publish_target){ip_of("10.77.1.3"), 81};
	apply(&s);
	int one = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80),
	    two = listen_in(s.b, SOCK_STREAM, "0.0.0.0", 81);

	for (int i = 0; i < 10; i++)
		assert_int_equal(connect_from(-1, "127.0.0.1", 8080), 0);
	assert_int_equal(accepted(one), 5);
	assert_int_equal(accepted(two), 5);
	p->sticky = true;
	apply(&s);
	for (int i = 0; i < 10; i++)
		assert_int_equal(connect_from(-1, "127.0.0.1", 8080), 0);
	int first = accepted(one);

	assert_true(first == 10 || first == 0);
	assert_int_equal(accepted(two), 10 - first);
	close(one);
	close(two);
	clear_stage(&s);
}

static void the_clients_address_is_kept(void **state)
{
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	struct stage s;

	set_stage(&s, (struct net_spec){0});
	publish(&s, NULL, 8080);
	apply(&s);
	int fd = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80);

	assert_int_equal(connect_from(s.outside, "192.0.2.1", 8080), 0);
	int c = accept(fd, (struct sockaddr *)&from, &n);

	assert_true(c >= 0);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.2"));
	close(c);
	close(fd);
	clear_stage(&s);
}

static void host_rules(const char *rules)
{
	char command[600];

	snprintf(command, sizeof(command),
		 "nft -f - <<E\ntable inet filter\ndelete table inet filter\n"
		 "table inet filter { chain input { type filter hook input priority filter; policy "
		 "drop\n"
		 "ct state established accept; iif lo accept; meta l4proto icmpv6 "
		 "accept\n%s\n}\n}\nE",
		 rules);
	assert_int_equal(system(command), 0);
}

static void the_hosts_firewall_has_its_say(void **state)
{
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	struct stage s;

	set_stage(&s, (struct net_spec){0});
	publish(&s, NULL, 8080);
	apply(&s);
	int v4 = listen_in(s.a, SOCK_STREAM, "0.0.0.0", 80);
	int v6 = listen_in(s.a, SOCK_STREAM, "fd77:1::2", 80);

	for (int strict = 0; strict < 2; strict++) {
		assert_int_equal(
			system(strict ? "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter" : "true"),
			0);
		host_rules("tcp dport 22 accept");
		assert_int_equal(connect_from(s.outside, "192.0.2.1", 8080), -ETIMEDOUT);
		assert_int_equal(connect_from(s.outside, "2001:db8::1", 8080), -ETIMEDOUT);
		assert_int_equal(connect_from(-1, "127.0.0.1", 8080), 0);
		host_rules("ip saddr 192.0.2.2 tcp dport 8080 accept; ip6 saddr 2001:db8::/32 tcp "
			   "dport 8080 accept");
		assert_int_equal(connect_from(s.outside, "192.0.2.1", 8080), 0);
		assert_int_equal(connect_from(s.outside, "2001:db8::1", 8080), 0);
		host_rules("ip saddr 192.0.2.3 tcp dport 8080 accept");
		assert_int_equal(connect_from(s.outside, "192.0.2.1", 8080), -ETIMEDOUT);
	}
	int c = accept(v4, NULL, NULL); /* by 127.0.0.1 */

	close(c);
	c = accept(v4, (struct sockaddr *)&from, &n);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.2"));
	close(c);
	close(v4);
	close(v6);
	assert_int_equal(system("nft delete table inet filter"), 0);
	clear_stage(&s);
	assert_int_equal(
		system("test -z \"$(ip -o link | grep berth-in)\" -a $(ip rule | wc -l) = 3"), 0);
}

static void reservations_name_the_holder(void **state)
{
	struct ip_addr lo = ip_of("127.0.0.1");
	char dir[64], expected[128];
	struct err e;
	uint16_t port;
	int fd, other;

	host_enter(dir);
	int held = listen_in(-1, SOCK_STREAM, "127.0.0.1", 8081);

	snprintf(expected, sizeof(expected), "tcp port 8081 is in use by publish_test (pid %d)",
		 getpid());
	assert_int_equal(publish_reserve("tcp", NULL, 8081, &fd, &e), -EADDRINUSE);
	assert_string_equal(e.why, expected);
	assert_int_equal(publish_reserve("tcp", &lo, 8081, &fd, &e), -EADDRINUSE);
	assert_ok(publish_reserve_range("tcp", &lo, 8081, 8090, &port, &fd, &e));
	assert_int_equal(port, 8082);
	assert_ok(publish_reserve("udp", NULL, 8082, &other, &e));
	close(other);
	assert_int_equal(publish_reserve("tcp", &lo, 8082, &other, &e), -EADDRINUSE);
	assert_int_equal(connect_from(-1, "127.0.0.1", 8082), -ECONNREFUSED);
	close(fd);
	assert_ok(publish_reserve_range("tcp", &lo, 0, 0, &port, &fd, &e));
	assert_true(port > 1023);
	close(fd);
	lo = ip_of("192.0.2.77");
	assert_int_equal(publish_reserve("tcp", &lo, 8082, &other, &e), -EADDRNOTAVAIL);
	assert_int_equal(publish_reserve("icmp", &lo, 8082, &other, &e), -EINVAL);
	close(held);
	host_leave(dir);
}

/* Another handle: the table was made anew. */
static void the_same_rules_are_left_alone(void **state)
{
	struct publish_seen seen = {0}, first;
	struct stage s;
	struct err e;

	set_stage(&s, (struct net_spec){0});
	publish(&s, NULL, 8080);
	assert_ok(publish_apply(&s.rules, &seen, &e));
	first = seen;
	assert_ok(publish_apply(&s.rules, &seen, &e));
	assert_int_equal(seen.chain.table, first.chain.table);
	assert_int_equal(system("nft flush chain inet berth-demo forward"), 0);
	assert_ok(publish_apply(&s.rules, &seen, &e));
	assert_true(seen.chain.table != first.chain.table);
	assert_int_equal(system("nft list chain inet berth-demo forward | grep -q 169.254"), 0);
	assert_int_equal(system("nft flush ruleset"), 0);
	assert_ok(publish_apply(&s.rules, &seen, &e));
	assert_int_equal(system("nft list chain inet berth-demo forward | grep -q 169.254"), 0);
	publish(&s, NULL, 8081);
	assert_ok(publish_apply(&s.rules, &seen, &e));
	assert_int_equal(system("nft list table inet berth-demo | grep -q 8081"), 0);
	clear_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_port_answers_everywhere),
		cmocka_unit_test(a_loopback_port_stays_inside),
		cmocka_unit_test(networks_are_apart),
		cmocka_unit_test(an_internal_network_is_closed),
		cmocka_unit_test(connections_are_spread),
		cmocka_unit_test(the_clients_address_is_kept),
		cmocka_unit_test(the_hosts_firewall_has_its_say),
		cmocka_unit_test(reservations_name_the_holder),
		cmocka_unit_test(the_same_rules_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
