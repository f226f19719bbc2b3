/* What a request asks of a job, as the plan's options. */
#include "supervise/apply.h"
#include <string.h>

void job_read_options(struct arena *a, const json_t *req, struct plan_options *o)
{
	static const struct {
		const char *key;
		size_t off;
	} flags[] = {
		/* clang-format off */
		{"force_recreate", offsetof(struct plan_options, force_recreate)},
		{"no_recreate", offsetof(struct plan_options, no_recreate)},
		{"no_start", offsetof(struct plan_options, no_start)},
		{"no_deps", offsetof(struct plan_options, no_deps)},
		{"always_recreate_deps", offsetof(struct plan_options, always_recreate_deps)},
		{"remove_orphans", offsetof(struct plan_options, remove_orphans)},
		{"wait", offsetof(struct plan_options, wait)},
		{"volumes", offsetof(struct plan_options, volumes)},
		{"stop", offsetof(struct plan_options, stop_first)},
		{"rolling", offsetof(struct plan_options, rolling)},
		{"will_start", offsetof(struct plan_options, will_start)},
		/* clang-format on */
	};
	const char *key;
	json_t *value;

	for (size_t k = 0; k < countof(flags); k++)
		*(bool *)((char *)o + flags[k].off) = json_bool_or(req, flags[k].key, false);
	json_take_words(a, json_object_get(req, "services"), &o->services);
	if (*json_string_or(req, "strategy", ""))
		o->strategy = arena_printf(a, "%s", json_string_or(req, "strategy", ""));
	json_object_foreach(json_object_get(req, "scale"), key, value)
	{
		if (json_is_integer(value))
			*vec_push(a, &o->scales) = (struct scale){arena_printf(a, "%s", key),
								  json_integer_value(value)};
	}
}

enum goal job_goal(const char *word)
{
	static const char *const names[] = {"up", "down", "stop", "start", "restart", "rm"};

	for (size_t k = 0; k < countof(names); k++) {
		if (!strcmp(names[k], word))
			return (enum goal)k;
	}
	return GOAL_UP;
}
