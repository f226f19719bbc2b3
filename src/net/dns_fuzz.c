/* Foreign bytes through everything that reads DNS packets. */
#include "net/dns.h"
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const uint8_t *data, const struct dns_question *q, int code)
{
	struct ip_addr v4 = {.family = AF_INET}, v6 = {.family = AF_INET6};
	uint8_t out[DNS_UDP_MAX];
	struct dns_question again;
	struct dns_reply reply;
	struct dns_writer w;
	size_t n;

	dns_begin(&w, out, q->room, data, q, (enum dns_code)code);
	for (int i = 0; i < 40; i++) {
		dns_put_ip(&w, i % 2 ? &v4 : &v6, 5);
		dns_put_name(&w, DNS_PTR, "web-1.demo_default", 5);
		dns_put_srv(&w, 80, "web-1.demo_default", 5);
	}
	n = dns_finish(&w, q);
	if (n > q->room || dns_read(out, n, &again) >= 0)
		__builtin_trap();
	if (q->end && !dns_check(out, n, data, q->end, &reply))
		__builtin_trap();
	dns_age(out, n, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question q;
	struct dns_reply reply;
	struct ip_addr ip;
	uint8_t copy[4096];
	int code = dns_read(data, size, &q);

	if (code >= 0)
		answer(data, &q, code);
	dns_reverse(q.name, &ip);
	/* The first half as a question, the whole as its answer. */
	if (size >= 12 && size <= sizeof(copy)) {
		memcpy(copy, data, size);
		copy[2] |= 0x80;
		copy[4] = 0;
		copy[5] = 1;
		dns_check(copy, size, copy, q.end ? q.end : 12, &reply);
		dns_age(copy, size, 100);
	}
	return 0;
}
