/* What up, create, run and watch share: the definition saved, images here, one request. */
#pragma once
#include "cli/images_ready.h"
#include "cli/request.h"

/*
 * Loads the project for the services named, checks the names, brings images, saves the
 * definition where the supervisor reads it.
 */
int up_prepare(struct cli *c, const struct strings *services, const struct images_options *o,
	       struct project **out, struct err *e) must_check;
/* The definition, where the supervisor reads it. */
int up_save(struct cli *c, const struct project *p, struct err *e) must_check;
/* {"web":3} from "web=3" words; *where says what is being read, for messages. */
int up_scale(struct cli *c, const struct project *p, const struct strings *words, json_t *msg,
	     struct err *e) must_check;
/* Values of secrets and configs that come from the environment: they travel, they are not saved. */
void up_secrets(const struct project *p, json_t *msg);
