/*
 * A git repository, shallow, by the git program: "https://host/x.git#ref:dir". Only network
 * protocols; neither a ref nor a directory can become an option or leave the checkout.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* Makes `to` the tree (or its directory `dir`); commit gets the full id. want: NULL or a commit. */
int fetch_git(struct arena *a, const char *url, const char *to, bool keep_git_dir, const char *want,
	      char commit[static 65], struct err *e) must_check;
/* True for what fetch_git takes. */
bool fetch_is_git(const char *url);
