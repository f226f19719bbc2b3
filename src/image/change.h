/*
 * One Dockerfile instruction applied to an image configuration document: `import --change`,
 * `commit --change`. Values are taken literally: there are no variables to expand here.
 */
#pragma once
#include "base/err.h"
#include "base/json.h"

/* doc: the whole document; its "config" member is made where missing. */
int change_apply(json_t *doc, const char *instruction, struct err *e) must_check;
