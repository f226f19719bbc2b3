/* What a container was made from, in docker's words: "Config" and "HostConfig" of its inspection.
 */
#pragma once
#include "base/json.h"
#include "supervise/status.h"

json_t *container_config_json(const struct status *s);
json_t *container_host_json(const struct status *s);
