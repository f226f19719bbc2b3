/* Slash paths as text: no file system is asked. */
#pragma once
#include "base/text.h"

/* Without "//", "." and inner ".."; "" becomes "."; "/.." becomes "/". */
char *path_clean(struct arena *a, const char *p);
/* `p` below `base` unless it is absolute; cleaned. */
char *path_join(struct arena *a, const char *base, const char *p);
const char *path_last(const char *p);           /* after the last slash */
char *path_dir(struct arena *a, const char *p); /* before the last slash, cleaned */
