#include "plan/plan.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* db <- migrate (must end well) <- web (needs db healthy), all on one network. */
struct stack {
	struct arena a;
	struct project p;
	struct observed seen;
	struct plan_options o;
	struct plan plan;
};

static struct service *service(struct stack *s, const char *name)
{
	struct service *v = vec_push(&s->a, &s->p.services);

	*v = (struct service){.name = name, .replicas = 1};
	memset(v->hash, 'a', 64);
	vec_push(&s->a, &v->networks)->network = "default";
	return v;
}

static void depend(struct stack *s, struct service *v, const char *on, enum depend_on how)
{
	*vec_push(&s->a, &v->depends_on) =
		(struct dependency){.service = on, .condition = how, .required = true};
}

static void fill(struct stack *s)
{
	*s = (struct stack){.p.name = "app"};
	*vec_push(&s->a, &s->p.networks) =
		(struct network){.key = "default", .name = "app_default"};
	depend(s, service(s, "web"), "migrate", DEPEND_COMPLETED);
	depend(s, &s->p.services.v[0], "db", DEPEND_HEALTHY);
	depend(s, service(s, "migrate"), "db", DEPEND_HEALTHY);
	service(s, "db");
}

static void see(struct stack *s, const char *service_name, enum seen_state state)
{
	char hash[65] = {0};

	memset(hash, 'a', 64);
	*vec_push(&s->a, &s->seen.containers) =
		(struct seen){.name = arena_printf(&s->a, "app-%s-1", service_name),
			      .service = service_name,
			      .hash = arena_printf(&s->a, "%s", hash),
			      .number = 1,
			      .state = state};
}

static void see_all(struct stack *s)
{
	struct seen_net *n = vec_push(&s->a, &s->seen.networks);

	n->name = "app_default";
	n->hash = plan_network_hash(&s->a, &s->p.networks.v[0]);
	see(s, "db", SEEN_RUNNING);
	see(s, "migrate", SEEN_EXITED);
	see(s, "web", SEEN_RUNNING);
}

static void expect(struct stack *s, const char *text)
{
	struct err e;

	assert_int_equal(plan_make(&s->a, &s->p, &s->seen, &s->o, &s->plan, &e), 0);
	assert_string_equal(plan_text(&s->a, &s->plan), text);
	arena_free(&s->a);
}

static void first_up(void **state)
{
	struct stack s;

	fill(&s);
	expect(&s, "1. make network app_default: it does not exist\n"
		   "2. create container app-db-1: there is none yet [after 1]\n"
		   "3. start container app-db-1: there is none yet [after 2]\n"
		   "4. create container app-migrate-1: there is none yet [after 1]\n"
		   "5. start container app-migrate-1: there is none yet [after 4, 8]\n"
		   "6. create container app-web-1: there is none yet [after 1]\n"
		   "7. start container app-web-1: there is none yet [after 6, 9, 8]\n"
		   "8. wait for db to be healthy: it must be healthy [after 3]\n"
		   "9. wait for migrate to end well: it must have ended well [after 5]\n");
}

static void nothing_to_do(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	expect(&s, "");
}

static void changed_definition(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	s.p.services.v[0].hash[0] = 'b';
	expect(&s, "1. stop container app-web-1: its definition changed\n"
		   "2. remove container app-web-1: its definition changed [after 1]\n"
		   "3. create container app-web-1: its definition changed [after 2]\n"
		   "4. start container app-web-1: its definition changed [after 3, 5, 6]\n"
		   "5. wait for migrate to end well: it must have ended well\n"
		   "6. wait for db to be healthy: it must be healthy\n");
}

static void changes_are_told(void **state)
{
	struct stack s;
	struct seen *web;

	fill(&s);
	see_all(&s);
	web = &s.seen.containers.v[2];
	s.p.services.v[0].hash[0] = 'b';
	*vec_push(&s.a, &web->changes) = "tty: true -> false";
	web->contents = "secret:a=11 config:b=22";
	*vec_push(&s.a, &s.o.contents) = (struct pair){"web", "secret:a=11 config:b=23 config:c=1"};
	web->image_id = "sha256:111111111111111";
	*vec_push(&s.a, &s.o.images) = (struct pair){"web", "sha256:222222222222222"};
	s.o.no_deps = true;
	expect(&s, "1. stop container app-web-1: its definition changed\n"
		   "     tty: true -> false\n"
		   "     config b: another content\n"
		   "     config c: another content\n"
		   "     image id: sha256:111111111111 -> sha256:222222222222\n"
		   "2. remove container app-web-1: its definition changed [after 1]\n"
		   "3. create container app-web-1: its definition changed [after 2]\n"
		   "4. start container app-web-1: its definition changed [after 3]\n");
}

static void restart_follows(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	s.p.services.v[2].hash[0] = 'b';
	s.p.services.v[0].depends_on.v[1].restart = true;
	expect(&s, "1. stop container app-db-1: its definition changed [after 5]\n"
		   "2. remove container app-db-1: its definition changed [after 1]\n"
		   "3. create container app-db-1: its definition changed [after 2]\n"
		   "4. start container app-db-1: its definition changed [after 3]\n"
		   "5. stop container app-web-1: db is made anew\n"
		   "6. start container app-web-1: db is made anew [after 5, 7, 8]\n"
		   "7. wait for migrate to end well: it must have ended well\n"
		   "8. wait for db to be healthy: it must be healthy [after 4]\n");
}

static void scale(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	*vec_push(&s.a, &s.o.scales) = (struct scale){"web", 3};
	*vec_push(&s.a, &s.o.scales) = (struct scale){"db", 0};
	s.o.no_deps = true;
	expect(&s, "1. stop container app-db-1: fewer replicas are wanted\n"
		   "2. remove container app-db-1: fewer replicas are wanted [after 1]\n"
		   "3. create container app-web-2: more replicas are wanted\n"
		   "4. start container app-web-2: more replicas are wanted [after 3]\n"
		   "5. create container app-web-3: more replicas are wanted\n"
		   "6. start container app-web-3: more replicas are wanted [after 5]\n");
}

static void down(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	s.o.goal = GOAL_DOWN;
	expect(&s, "1. stop container app-db-1: down [after 4]\n"
		   "2. remove container app-db-1: down [after 1]\n"
		   "3. remove container app-migrate-1: down\n"
		   "4. stop container app-web-1: down\n"
		   "5. remove container app-web-1: down [after 4]\n"
		   "6. remove network app_default: down [after 2, 3, 5]\n");
}

static void shared_network(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	s.p.services.v[0].network_mode = "service:db";
	s.p.services.v[0].depends_on.v[1].condition = DEPEND_STARTED;
	s.p.services.v[0].depends_on.v[1].restart = true;
	s.p.services.v[2].hash[0] = 'b';
	/* web stays as it is. */
	expect(&s, "1. stop container app-db-1: its definition changed\n"
		   "2. remove container app-db-1: its definition changed [after 1]\n"
		   "3. create container app-db-1: its definition changed [after 2]\n"
		   "4. start container app-db-1: its definition changed [after 3]\n");
}

static void rolling(void **state)
{
	struct stack s;

	fill(&s);
	see_all(&s);
	see(&s, "db", SEEN_RUNNING);
	s.seen.containers.v[3].number = 2;
	s.seen.containers.v[3].name = "app-db-2";
	s.p.services.v[2].hash[0] = 'b';
	s.p.services.v[2].replicas = 2;
	s.p.services.v[2].update =
		(struct update_config){.given = true, .parallelism = 1, .order = "start-first"};
	expect(&s, "1. create container app-db-3: its definition changed\n"
		   "2. start container app-db-3: its definition changed [after 1]\n"
		   "3. wait for db to settle: it must stay well [after 2]\n"
		   "4. stop container app-db-1: its definition changed [after 3]\n"
		   "5. remove container app-db-1: its definition changed [after 4, 3]\n"
		   "6. create container app-db-4: its definition changed [after 3, 5]\n"
		   "7. start container app-db-4: its definition changed [after 6]\n"
		   "8. wait for db to settle: it must stay well [after 7]\n"
		   "9. stop container app-db-2: its definition changed [after 8]\n"
		   "10. remove container app-db-2: its definition changed [after 9, 8]\n");
}

static void circle(void **state)
{
	struct stack s;
	struct err e;

	fill(&s);
	depend(&s, &s.p.services.v[2], "web", DEPEND_STARTED);
	assert_int_equal(plan_make(&s.a, &s.p, &s.seen, &s.o, &s.plan, &e), -ELOOP);
	arena_free(&s.a);
}

/* Before anything is made, and with its place. */
static void impossible_services(void **state)
{
	static const struct {
		const char *container, *host;
		double cpus;
	} rows[] = {
		{"ab/../../x", NULL, 0}, {NULL, "a\n10.0.0.1 db", 0},
		{NULL, "../x", 0},       {NULL, "..", 0},
		{NULL, NULL, -1},        {NULL, NULL, 1e30},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct stack s;
		struct err e = {0};
		struct service *svc;

		fill(&s);
		svc = &s.p.services.v[0];
		svc->container_name = rows[i].container;
		svc->hostname = rows[i].host;
		svc->limits.cpus = rows[i].cpus;
		svc->at = "compose.yaml:3:5";
		assert_int_equal(plan_make(&s.a, &s.p, &s.seen, &s.o, &s.plan, &e), -EINVAL);
		assert_string_equal(e.at, "compose.yaml:3:5");
		arena_free(&s.a);
	}
}

/* Before anything is made. */
static void external_network_missing(void **state)
{
	struct stack s;
	struct err e;

	fill(&s);
	s.p.networks.v[0].external = true;
	assert_int_equal(plan_make(&s.a, &s.p, &s.seen, &s.o, &s.plan, &e), -ENOENT);
	arena_free(&s.a);
	fill(&s);
	s.p.networks.v[0].external = true;
	see_all(&s);
	expect(&s, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_services),
		cmocka_unit_test(external_network_missing),
		cmocka_unit_test(first_up),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(changed_definition),
		cmocka_unit_test(changes_are_told),
		cmocka_unit_test(restart_follows),
		cmocka_unit_test(scale),
		cmocka_unit_test(down),
		cmocka_unit_test(circle),
		cmocka_unit_test(shared_network),
		cmocka_unit_test(rolling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
