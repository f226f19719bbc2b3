/*
 * What scripts written for docker compose say: every command and option of 2.40 is read here, by
 * name and by letter, and its effect is tested where the effect is. The lists are ours, by hand.
 */
#include "base/text.h"
#include "cli/command.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *command, *options; /* "f/force all": a letter, or none */
};

/* clang-format off */
static const struct row compose[] = {
	{"attach", "detach-keys index no-stdin sig-proxy"},
	{"build", "build-arg builder check m/memory no-cache print provenance pull push q/quiet sbom "
		  "ssh with-dependencies progress compress force-rm no-rm parallel"},
	{"commit", "a/author c/change index m/message p/pause"},
	{"config", "environment format hash images lock-image-digests models networks no-consistency "
		   "no-env-resolution no-interpolate no-normalize no-path-resolution o/output profiles "
		   "q/quiet resolve-image-digests services variables volumes"},
	{"cp", "all a/archive L/follow-link index"},
	{"create", "build force-recreate no-build no-recreate pull quiet-pull remove-orphans scale y/yes"},
	{"down", "remove-orphans rmi t/timeout v/volumes"},
	{"events", "json since until"},
	{"exec", "d/detach e/env index T/no-tty T/no-TTY privileged u/user w/workdir i/interactive t/tty"},
	{"export", "index o/output"},
	{"images", "format q/quiet"},
	{"kill", "remove-orphans s/signal"},
	{"logs", "f/follow index no-color no-log-prefix since n/tail t/timestamps until"},
	{"ls", "a/all filter format q/quiet"},
	{"pause", ""},
	{"port", "index protocol"},
	{"publish", "app oci-version resolve-image-digests with-env y/yes"},
	{"bridge", ""},
	{"ps", "a/all filter format no-trunc orphans q/quiet services status"},
	{"pull", "ignore-buildable ignore-pull-failures include-deps policy q/quiet parallel no-parallel"},
	{"push", "ignore-push-failures include-deps q/quiet"},
	{"restart", "no-deps t/timeout"},
	{"rm", "f/force s/stop v/volumes a/all"},
	{"run", "build cap-add cap-drop d/detach entrypoint e/env env-from-file i/interactive l/label name "
		"T/no-tty T/no-TTY t/tty no-deps p/publish pull q/quiet quiet-build quiet-pull remove-orphans rm "
		"P/service-ports use-aliases u/user v/volume w/workdir"},
	{"scale", "no-deps"},
	{"start", "wait wait-timeout"},
	{"stats", "a/all format no-stream no-trunc"},
	{"stop", "t/timeout"},
	{"top", ""},
	{"unpause", ""},
	{"up", "abort-on-container-exit abort-on-container-failure always-recreate-deps attach "
	       "attach-dependencies build d/detach exit-code-from force-recreate menu no-attach no-build "
	       "no-color no-deps no-log-prefix no-recreate no-start pull quiet-build quiet-pull remove-orphans "
	       "V/renew-anon-volumes scale t/timeout timestamps wait wait-timeout w/watch y/yes"},
	{"version", "f/format short"},
	{"volumes", "format q/quiet"},
	{"wait", "down-project"},
	{"watch", "no-up prune quiet"},
	/* of every command, before it or after it */
	{NULL, "all-resources ansi compatibility dry-run env-file f/file no-ansi parallel profile progress "
	       "project-directory p/project-name verbose workdir"},
};
/* clang-format on */

static bool has(const struct opt *o, const char *name, char letter)
{
	for (; o && o->name; o++) {
		if (!strcmp(o->name, name) && (!letter || letter == o->letter))
			return true;
		/* An old spelling shares the letter of the new one. */
		if (!strcmp(o->name, name) && !o->help && !o->letter)
			return true;
	}
	return false;
}

static size_t missing(const struct opt *own, const char *command, const char *words)
{
	auto_arena a = {0};
	struct span rest = span_of(words), word;
	size_t n = 0;

	while (rest.n) {
		bool more = span_cut(&rest, ' ', &word);
		char *name = span_dup(&a, word), letter = name[1] == '/' ? name[0] : '\0';

		name += letter ? 2 : 0;
		if (!has(own, name, letter) && !has(global_opts, name, letter)) {
			print_error("%s --%s (%c) is not read\n", command ? command : "berth", name,
				    letter ? letter : ' ');
			n++;
		}
		if (!more)
			break;
	}
	return n;
}

static size_t check(const struct row *rows, size_t n, enum command_world world)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		const struct command *c =
			rows[i].command ? command_find(commands, rows[i].command, world) : NULL;

		if (rows[i].command && !c) {
			print_error("there is no command %s\n", rows[i].command);
			bad++;
			continue;
		}
		bad += missing(c ? c->opts : NULL, rows[i].command, rows[i].options);
	}
	return bad;
}

static void compose_words_are_read(void **state)
{
	assert_int_equal(check(compose, countof(compose), WORLD_COMPOSE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compose_words_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
