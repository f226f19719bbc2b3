#include "cli/command.h"
#include "base/vec.h"
#include "cli/cli.h"
#include <errno.h>
#include <string.h>

static bool has_word(const char *words, const char *s)
{
	struct span rest = span_of(words), word;
	bool more;

	do {
		more = span_cut(&rest, '|', &word);
		if (span_is(word, s))
			return true;
	} while (more);
	return false;
}

static const struct opt *opt_long(const struct opt *rows, const char *name, size_t n)
{
	for (const struct opt *o = rows; o && o->name; o++) {
		if (strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	}
	return NULL;
}

static const struct opt *opt_short(const struct opt *rows, char letter)
{
	for (const struct opt *o = rows; o && o->name; o++) {
		if (o->letter == letter)
			return o;
	}
	return NULL;
}

static int store_flag(const struct opt *o, bool *out, const char *value, struct err *e)
{
	if (!value || has_word("true|1|t|T|TRUE|True", value))
		*out = true;
	else if (has_word("false|0|f|F|FALSE|False", value))
		*out = false;
	else
		return err_set(e, EINVAL, "--%s is yes or no, not \"%s\"", o->name, value);
	return 0;
}

static int store_int(const struct opt *o, int *out, const char *value, struct err *e)
{
	int64_t n;

	if (text_to_i64(value, &n) < 0 || n > INT32_MAX || n < INT32_MIN)
		return err_set(e, EINVAL, "--%s takes a number, not \"%s\"", o->name, value);
	*out = (int)n;
	return 0;
}

static int store(struct parse *p, const struct opt *o, char *into, const char *value, struct err *e)
{
	switch (o->type) {
	case OPT_FLAG:
		return store_flag(o, (bool *)(into + o->off), value, e);
	case OPT_INT:
		return store_int(o, (int *)(into + o->off), value, e);
	case OPT_LIST:
		*vec_push(p->arena, (struct strings *)(into + o->off)) = value;
		return 0;
	case OPT_WORD:
		if (!has_word(o->value, value))
			return err_set(e, EINVAL, "--%s takes one of %s, not \"%s\"", o->name,
				       o->value, value);
		/* fall through */
	case OPT_STR:
		*(const char **)(into + o->off) = value;
		return 0;
	}
	return 0;
}

static int unknown_long(const struct parse *p, const char *arg, size_t n, struct err *e)
{
	const char *names[128], *near;
	auto_arena a = {0};
	size_t count = 0;

	for (int t = 0; t < 2; t++) {
		for (const struct opt *o = t ? p->more_opts : p->opts; o && o->name; o++) {
			if (o->help && count < countof(names))
				names[count++] = o->name;
		}
	}
	err_set(e, EINVAL, "unknown flag: --%.*s", (int)n, arg);
	near = text_nearest(arena_strndup(&a, arg, n), names, count);
	if (near)
		err_hint(e, "did you mean --%s?", near);
	return -EINVAL;
}

/* One `--name`, `--name=value` or `--name value`; *i moves over a value of its own. */
static int parse_long(struct parse *p, int argc, char **argv, int *i, struct err *e)
{
	const char *arg = argv[*i] + 2, *eq = strchr(arg, '='), *value = eq ? eq + 1 : NULL;
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct opt *o = opt_long(p->opts, arg, n);
	void *into = p->into;

	if (!o) {
		o = opt_long(p->more_opts, arg, n);
		into = p->more_into;
	}
	if (!o && n == 4 && !memcmp(arg, "help", 4)) {
		p->help = true;
		return 0;
	}
	if (!o)
		return unknown_long(p, arg, n, e);
	if (o->type != OPT_FLAG && !value) {
		if (*i + 1 >= argc)
			return err_set(e, EINVAL, "flag needs an argument: --%s", o->name);
		value = argv[++*i];
	}
	return store(p, o, into, value, e);
}

/* `-abc`, `-n5`, `-n=5`, `-n 5`. */
static int parse_short(struct parse *p, int argc, char **argv, int *i, struct err *e)
{
	for (const char *s = argv[*i] + 1; *s; s++) {
		const struct opt *o = opt_short(p->opts, *s);
		const char *value = NULL;
		void *into = p->into;
		int r;

		if (!o) {
			o = opt_short(p->more_opts, *s);
			into = p->more_into;
		}
		if (!o && *s == 'h') {
			p->help = true;
			continue;
		}
		if (!o)
			return err_set(e, EINVAL, "unknown shorthand flag: '%c' in %s", *s,
				       argv[*i]);
		if (s[1] == '=')
			value = s + 2;
		else if (o->type != OPT_FLAG && s[1])
			value = s + 1;
		else if (o->type != OPT_FLAG && *i + 1 < argc)
			value = argv[++*i];
		if (o->type != OPT_FLAG && !value)
			return err_set(e, EINVAL, "flag needs an argument: '%c' in -%c", *s, *s);
		r = store(p, o, into, value, e);
		if (r < 0 || value)
			return r;
	}
	return 0;
}

int command_parse(struct parse *p, int *argc, char **argv, struct err *e)
{
	bool words_only = false;
	int kept = 0, r = 0;

	for (int i = 0; i < *argc && r >= 0; i++) {
		char *arg = argv[i];

		if (words_only || arg[0] != '-' || !arg[1]) {
			words_only = words_only || p->words_end_options;
			argv[kept++] = arg;
		} else if (!strcmp(arg, "--")) {
			words_only = true;
		} else if (arg[1] == '-') {
			r = parse_long(p, *argc, argv, &i, e);
		} else {
			r = parse_short(p, *argc, argv, &i, e);
		}
	}
	*argc = kept;
	return r;
}

int command_globals(struct cli *c, int argc, char **argv, struct err *e)
{
	int i;

	for (i = 0; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		struct parse p = {&c->arena, global_opts, &c->global};
		int r;

		if (!strcmp(argv[i], "--"))
			return i + 1;
		r = argv[i][1] == '-' ? parse_long(&p, argc, argv, &i, e)
				      : parse_short(&p, argc, argv, &i, e);
		if (r < 0) {
			c->bad_usage = true;
			return r;
		}
		if (p.help) {
			argv[argc - 1] = (char *)"help";
			return argc - 1;
		}
	}
	return i;
}

const struct command *command_find(const struct command *const *rows, const char *name,
				   enum command_world world)
{
	const struct command *second = NULL;

	for (; *rows; rows++) {
		if (strcmp((*rows)->name, name))
			continue;
		if ((*rows)->world == world || (*rows)->world == WORLD_BOTH)
			return *rows;
		if (world == WORLD_COMPOSE || !second)
			second = *rows;
	}
	return world == WORLD_DOCKER ? NULL : second;
}

static int unknown_command(const struct command *const *rows, enum command_world world,
			   const char *path, const char *word, struct err *e)
{
	const char *names[160], *near;
	size_t n = 0;

	err_set(e, EINVAL, "unknown command: \"%s %s\"", path, word);
	if (command_find(rows, word, WORLD_BOTH))
		return err_hint(e, "\"docker compose %s\" is there, for a project", word);
	for (; *rows && n < countof(names); rows++) {
		if (command_find(rows, (*rows)->name, world))
			names[n++] = (*rows)->name;
	}
	near = text_nearest(word, names, n);
	if (near)
		return err_hint(e, "did you mean \"%s %s\"?", path, near);
	return err_hint(e, "\"%s help\" lists the commands", path);
}

static int bad_count(const struct command *cmd, const char *path, int argc, struct err *e)
{
	err_set(e, EINVAL, "\"%s\" %s %d argument%s, given %d", path,
		argc < cmd->min        ? "needs at least"
		: cmd->max == cmd->min ? "takes"
				       : "takes at most",
		argc < cmd->min ? cmd->min : cmd->max,
		(argc < cmd->min ? cmd->min : cmd->max) == 1 ? "" : "s", argc);
	return err_hint(e, "usage: %s [OPTIONS] %s", path, cmd->args ? cmd->args : "");
}

static int say_words(const char *path, int argc, char **argv)
{
	auto_buf line = {0};

	for (int i = 0; i < argc; i++) {
		buf_char(&line, ' ');
		buf_shell(&line, argv[i]);
	}
	printf("dry run, not done: %s%s\n", path, line.n ? line.p : "");
	return 0;
}

static int run_leaf(struct cli *c, const struct command *cmd, const char *path, int argc,
		    char **argv, struct err *e)
{
	void *opts = arena_alloc(&c->arena, cmd->size + 1);
	struct parse p = {&c->arena,   cmd->opts,  opts,
			  global_opts, &c->global, cmd->words_end_options};
	int r;

	if (cmd->defaults)
		memcpy(opts, cmd->defaults, cmd->size);
	r = command_parse(&p, &argc, argv, e);
	c->bad_usage = r < 0;
	if (r >= 0 && p.help) {
		command_help(cmd, path, stdout);
		return 0;
	}
	if (r >= 0 && (argc < cmd->min || (cmd->max >= 0 && argc > cmd->max)))
		r = bad_count(cmd, path, argc, e);
	if (r < 0) {
		if (!e->hint[0])
			err_hint(e, "see \"%s --help\"", path);
		return r;
	}
	if (c->global.dry_run && cmd->unplanned)
		return say_words(path, argc, argv);
	c->reads = cmd->reads;
	return cmd->run(c, opts, argc, argv, e);
}

int command_main(struct cli *c, int argc, char **argv, struct err *e)
{
	const struct command *const *rows = commands;
	const char *path = c->program;

	while (argc > 0) {
		const struct command *cmd = command_find(rows, argv[0], c->world);

		if (!cmd)
			return unknown_command(rows, c->world, path, argv[0], e);
		path = arena_printf(&c->arena, "%s %s", path, argv[0]);
		argc--;
		argv++;
		if (!cmd->sub)
			return run_leaf(c, cmd, path, argc, argv, e);
		if (!argc || !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
			command_help(cmd, path, stdout);
			return 0;
		}
		rows = cmd->sub;
	}
	command_overview(stdout, c->world);
	return 0;
}
