/*
 * Doing something inside another network namespace and coming back. berth is single-threaded, so
 * the whole process goes there; nothing may run in between that relies on the own one.
 */
#pragma once
#include "net/network.h"

/* Runs fn(arg) in the namespace; returns what it returns, or -errno where going failed. */
int netns_call(int netns_fd, int (*fn)(void *arg), void *arg) must_check;
/* Writes /proc/sys/net/<name> of the current namespace; -errno. */
int netns_sysctl(const char *value, const char *name_fmt, ...) printf_like(2, 3);
