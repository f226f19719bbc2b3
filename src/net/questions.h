/*
 * Where a container's questions come in: a UDP socket and a TCP listener at 127.0.0.11 inside its
 * network namespace. Port 53, or one of the kernel's choice to which a rule leads what is for 53:
 * then a DNS server in the container can have port 53 of every address.
 */
#pragma once
#include "net/network.h"

struct questions {
	int udp, tcp;
	uint16_t port; /* that was asked for; 0: any */
};
int questions_open(int netns_fd, bool leaves_53, struct questions *out, struct err *e) must_check;
