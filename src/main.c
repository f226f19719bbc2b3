/*
 * The name berth is called by decides what the words mean: `docker-compose X` and
 * `docker compose X` are `berth X`; `docker X` has docker's own verbs.
 */
#include "cli/cli.h"
#include "cli/complain.h"
#include "supervise/guardian.h"
#include <string.h>
#include <unistd.h>

static bool wants_colour(const struct global *g, int fd)
{
	const char *ansi = g->ansi ? g->ansi : g->no_ansi ? "never" : getenv("COMPOSE_ANSI");

	if (ansi && !strcmp(ansi, "always"))
		return true;
	if ((ansi && !strcmp(ansi, "never")) || getenv("NO_COLOR"))
		return false;
	return isatty(fd);
}

/* Moves argv past our own name and a "compose" after it. */
static void set_world(struct cli *c, int *argc, char ***argv)
{
	const char *name = strrchr((*argv)[0], '/');
	bool compose;

	name = name ? name + 1 : (*argv)[0];
	++*argv;
	--*argc;
	compose = *argc && !strcmp((*argv)[0], "compose");
	*argv += compose;
	*argc -= compose;
	c->world = strcmp(name, "docker") || compose ? WORLD_COMPOSE : WORLD_DOCKER;
	c->program = c->world == WORLD_DOCKER ? "docker" : "berth";
}

static int run(struct cli *c, int argc, char **argv, struct err *e)
{
	int first = command_globals(c, argc, argv, e);

	c->colour_out = wants_colour(&c->global, STDOUT_FILENO);
	c->colour_err = wants_colour(&c->global, STDERR_FILENO);
	if (first < 0)
		return err_hint(e, "see \"%s --help\"", c->program);
	if (c->global.version) {
		puts("berth version " BERTH_VERSION);
		return 0;
	}
	return command_main(c, argc - first, argv + first, e);
}

int main(int argc, char **argv)
{
	struct cli c = {0};
	struct err e = {0};
	int r;

	if (argc > 1 && !strcmp(argv[1], GUARDIAN_WORD))
		return guardian_main(argc, argv);
	set_world(&c, &argc, &argv);
	r = run(&c, argc, argv, &e);
	if (fflush(stdout) && r >= 0)
		r = 1;
	/* A place in the saved model is none that a person ever wrote. */
	if (strstr(e.at, "/project.json:"))
		e.at[0] = '\0';
	if (r < 0) {
		const char *progress = c.global.progress;

		if (progress && !strcmp(progress, "json"))
			complain_json(stderr, &e);
		else
			complain(stderr, &e, c.colour_err);
		r = c.failure ? c.failure : c.world == WORLD_DOCKER && c.bad_usage ? 125 : 1;
	}
	arena_free(&c.arena);
	return r;
}
