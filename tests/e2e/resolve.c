/* resolve 4|6|any NAME: what getaddrinfo of the C library that it is linked with finds, sorted out
 * one a line; else its error. Built with glibc and with musl by net-resolve.bats. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
	char text[64];
	int r;

	if (argc != 3)
		return 2;
	hints.ai_family = !strcmp(argv[1], "4")   ? AF_INET
			  : !strcmp(argv[1], "6") ? AF_INET6
						  : AF_UNSPEC;
	r = getaddrinfo(argv[2], "80", &hints, &all);
	if (r) {
		puts(r == EAI_AGAIN ? "again" : "none");
		return 1;
	}
	for (const struct addrinfo *a = all; a; a = a->ai_next) {
		getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
		puts(text);
	}
	freeaddrinfo(all);
	return 0;
}
