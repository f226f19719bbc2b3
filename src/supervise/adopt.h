/* A supervisor that finds a project already there: what runs is taken over, what ended is told. */
#pragma once
#include "supervise/supervisor.h"

int adopt_all(struct supervisor *s, struct err *e) must_check;
void adopt_exits(struct supervisor *s); /* read what the guardian has written since */
void adopt_sweep(struct supervisor *s); /* directories without a container */
