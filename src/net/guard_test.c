#include "net/guard.h"
#include "net/net_fixture.h"

/* nft(8) leaves out what the fields imply: "ether type ip" before "ip saddr". */
static const char expected[] =
	"table bridge berth-guard {\n"
	"	set ports {\n"
	"		type ifname\n"
	"	}\n"
	"\n"
	"	set ports6 {\n"
	"		type ifname\n"
	"	}\n"
	"\n"
	"	set own4 {\n"
	"		type ifname . ether_addr . ipv4_addr\n"
	"	}\n"
	"\n"
	"	set own6 {\n"
	"		type ifname . ether_addr . ipv6_addr\n"
	"	}\n"
	"\n"
	"	chain from {\n"
	"		type filter hook prerouting priority dstnat; policy accept;\n"
	"		iifname != @ports accept\n"
	"		iifname . ether saddr . ip saddr != @own4 drop\n"
	"		iifname . ether saddr . arp saddr ip != @own4 drop\n"
	"		ether type != ip6 accept\n"
	"		iifname != @ports6 drop\n"
	"		icmpv6 type nd-router-advert drop\n"
	"		ip6 saddr fe80::/10 accept\n"
	"		ip6 saddr :: accept\n"
	"		iifname . ether saddr . ip6 saddr != @own6 drop\n"
	"	}\n"
	"}\n";

static void expect_table(void)
{
	char text[4096];
	FILE *f = popen("nft list table bridge berth-guard", "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	assert_int_equal(pclose(f), 0);
	assert_string_equal(text, expected);
}

/* Its bytes are written here by hand: nft(8) must read in them what the comments say. */
static void the_table_reads_as_it_should(void **state)
{
	char dir[64];
	struct err e;

	host_enter(dir);
	assert_ok(guard_make(&e));
	expect_table();
	assert_ok(guard_make(&e)); /* of two at once, the second leaves it alone */
	expect_table();
	host_leave(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_table_reads_as_it_should)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
