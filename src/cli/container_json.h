/*
 * A container in docker's words: "Config" and "HostConfig" of its inspection, made of its state,
 * the service in its project's saved definition, and its image.
 */
#pragma once
#include "base/json.h"
#include "compose/project.h"
#include "image/store.h"
#include "supervise/status.h"

/* Where a container comes from; either may be gone (NULL). */
struct origin {
	struct arena a;
	struct project *p;
	const struct service *svc;
	struct image *img;
};
void origin_find(struct origin *o, const struct status *s);
#define auto_origin __attribute__((cleanup(origin_done))) struct origin
void origin_done(struct origin *o);
/* Networks and mounts come with the first start; until then, those that it is to have. */
void origin_foretell(struct origin *o, struct status *s);

json_t *container_config_json(struct origin *o, const struct status *s);
json_t *container_host_json(struct origin *o, const struct status *s);
/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}: as the file asks, whether it runs or not. */
json_t *container_port_bindings(struct arena *a, const struct service *svc);
