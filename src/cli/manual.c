/*
 * `berth help --man`, `--bash`, `--zsh`, `--fish`: the man page and the completions, written from
 * the rows, so that there is one truth.
 */
#include "cli/manual.h"
#include "base/text.h"
#include <string.h>

/* roff: a leading dot or quote and every backslash and hyphen would be taken for something else. */
static void roff(FILE *out, const char *s)
{
	for (const char *p = s; *p; p++) {
		if ((*p == '.' || *p == '\'') && (p == s || p[-1] == '\n'))
			fputs("\\&", out);
		if (*p == '\\')
			fputs("\\e", out);
		else if (*p == '-')
			fputs("\\-", out);
		else
			putc(*p, out);
	}
}

static void man_options(FILE *out, const struct opt *rows)
{
	for (const struct opt *o = rows; o && o->name; o++) {
		if (!o->help)
			continue;
		fputs(".TP\n", out);
		if (o->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		roff(out, o->name);
		fputs("\\fR", out);
		if (o->value) {
			fputs(" \\fI", out);
			roff(out, o->value);
			fputs("\\fR", out);
		}
		putc('\n', out);
		roff(out, o->help);
		putc('\n', out);
	}
}

static void man_command(FILE *out, const struct command *c, const char *before)
{
	auto_buf path = {0};

	buf_printf(&path, "%s%s", before, c->name);
	if (!c->sub) {
		fputs(".SS berth ", out);
		roff(out, path.p);
		putc(' ', out);
		roff(out, c->args ? c->args : "");
		putc('\n', out);
		roff(out, c->brief);
		fputs(".\n", out);
		if (c->more) {
			fputs(".PP\n", out);
			roff(out, c->more);
			putc('\n', out);
		}
		man_options(out, c->opts);
	}
	buf_char(&path, ' ');
	for (const struct command *const *s = c->sub; s && *s; s++)
		man_command(out, *s, path.p);
}

void manual_man(FILE *out)
{
	fputs(".TH BERTH 1 \"\" \"berth " BERTH_VERSION
	      "\"\n.SH NAME\nberth \\- run Compose projects "
	      "without Docker\n.SH SYNOPSIS\n\\fBberth\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR "
	      "[\\fIARG\\fR...]\n.SH DESCRIPTION\n"
	      "berth reads Compose files and runs what they describe: containers, networks and\n"
	      "volumes, looked after by one supervisor per project. Called as "
	      "\\fBdocker\\-compose\\fR\n"
	      "or \\fBdocker\\fR it answers to their commands.\n.SH OPTIONS\n",
	      out);
	man_options(out, global_opts);
	fputs(".SH COMMANDS\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->world != WORLD_DOCKER ||
		    command_find(commands, (*c)->name, WORLD_BOTH) == *c)
			man_command(out, *c, "");
	}
	fputs(".SH EXIT STATUS\n0: it went well. 1: it did not; the reason is on standard error.\n"
	      "130: interrupted. \\fBrun\\fR and \\fBexec\\fR: as the command, 126 where it cannot "
	      "be\n"
	      "executed, 127 where it is not found, 128+N where signal N ended it.\n"
	      ".SH ENVIRONMENT\n\\fBBERTH_ROOT\\fR (/var/lib/berth), \\fBBERTH_RUN\\fR "
	      "(/run/berth): where\n"
	      "berth keeps things. \\fBCOMPOSE_FILE\\fR, \\fBCOMPOSE_PROJECT_NAME\\fR,\n"
	      "\\fBCOMPOSE_PROFILES\\fR, \\fBCOMPOSE_ENV_FILES\\fR, \\fBCOMPOSE_PROGRESS\\fR,\n"
	      "\\fBCOMPOSE_ANSI\\fR, \\fBNO_COLOR\\fR: as docker compose has them.\n",
	      out);
}

/* Words of one row of completion: options and, where it has them, sub-commands. */
static void words_of(struct buf *b, const struct command *c)
{
	for (const struct command *const *s = c->sub; s && *s; s++)
		buf_printf(b, "%s ", (*s)->name);
	for (const struct opt *o = c->opts; o && o->name; o++) {
		if (o->help)
			buf_printf(b, "--%s ", o->name);
	}
}

static bool takes_services(const struct command *c)
{
	return c->args && strstr(c->args, "SERVICE");
}

void manual_bash(FILE *out)
{
	fputs("# bash completion for berth, written by `berth help --bash`\n_berth() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd= i words=\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t-f|-p|--file|--project-name|--profile|--env-file|--project-directory) ((i++)) "
	      ";;\n"
	      "\t\t-*) ;;\n\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n\tcase $cmd "
	      "in\n"
	      "\t\"\") words=\"",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "%s ", (*c)->name);
	for (const struct opt *o = global_opts; o->name; o++) {
		if (o->help)
			fprintf(out, "--%s ", o->name);
	}
	fputs("\" ;;\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		auto_buf b = {0};

		if (command_find(commands, (*c)->name, WORLD_BOTH) != *c)
			continue;
		words_of(&b, *c);
		fprintf(out, "\t%s) words=\"%s\"%s ;;\n", (*c)->name, b.p ? b.p : "",
			takes_services(*c) ? "; [[ $cur == -* ]] || words=$(berth config "
					     "--services 2>/dev/null)"
					   : "");
	}
	fputs("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	      "complete -o default -F _berth berth docker-compose\n",
	      out);
}

/* zsh and fish want quotes doubled in their own ways. */
static void quoted(FILE *out, const char *s, const char *special)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else if (strchr(special, *s))
			fprintf(out, "\\%c", *s);
		else
			putc(*s, out);
	}
}

void manual_zsh(FILE *out)
{
	fputs("#compdef berth docker-compose\n# written by `berth help --zsh`\n_berth() {\n"
	      "\tlocal -a cmds opts\n\tif (( CURRENT == 2 )); then\n\t\tcmds=(\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		if (command_find(commands, (*c)->name, WORLD_BOTH) != *c)
			continue;
		fprintf(out, "\t\t\t'%s:", (*c)->name);
		quoted(out, (*c)->brief, ":");
		fputs("'\n", out);
	}
	fputs("\t\t)\n\t\t_describe command cmds\n\t\treturn\n\tfi\n\tcase $words[2] in\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		if (command_find(commands, (*c)->name, WORLD_BOTH) != *c || !(*c)->opts)
			continue;
		fprintf(out, "\t%s) opts=(", (*c)->name);
		for (const struct opt *o = (*c)->opts; o->name; o++) {
			if (!o->help)
				continue;
			fprintf(out, "'--%s:", o->name);
			quoted(out, o->help, ":");
			fputs("' ", out);
		}
		fputs(") ;;\n", out);
	}
	fputs("\tesac\n\t_describe option opts\n\tcompadd -- ${(f)\"$(berth config --services "
	      "2>/dev/null)\"}\n"
	      "\t_files\n}\ncompdef _berth berth docker-compose\n",
	      out);
}

void manual_fish(FILE *out)
{
	fputs("# fish completion for berth, written by `berth help --fish`\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		if (command_find(commands, (*c)->name, WORLD_BOTH) != *c)
			continue;
		fprintf(out, "complete -c berth -n __fish_use_subcommand -a %s -d '", (*c)->name);
		quoted(out, (*c)->brief, "");
		fputs("'\n", out);
		for (const struct opt *o = (*c)->opts; o && o->name; o++) {
			if (!o->help)
				continue;
			fprintf(out,
				"complete -c berth -n '__fish_seen_subcommand_from %s' -l %s%s",
				(*c)->name, o->name, o->type == OPT_FLAG ? "" : " -r");
			if (o->letter)
				fprintf(out, " -s %c", o->letter);
			fputs(" -d '", out);
			quoted(out, o->help, "");
			fputs("'\n", out);
		}
	}
}
