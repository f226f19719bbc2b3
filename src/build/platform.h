/* "linux/arm64" and whether this machine can run what is built for it. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

const char *platform_own(void);
/* As everyone writes it: "aarch64" is "linux/arm64". One alone. */
int platform_text(struct arena *a, const char *word, const char **out, struct err *e) must_check;
/* Natively, or by an emulator that binfmt_misc starts wherever the file lies. */
int platform_runs(struct arena *a, const char *platform, struct err *e) must_check;
