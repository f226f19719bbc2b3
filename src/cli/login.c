/* login and logout: docker's own config.json and credential helpers. */
#include "base/file.h"
#include "cli/cli.h"
#include "image/registry.h"
#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct login {
	const char *user, *password;
	bool password_stdin;
};

static char *domain_of(struct arena *a, int argc, char **argv)
{
	const char *s = argc ? argv[0] : "docker.io";

	if (text_starts(s, "https://"))
		s += 8;
	if (text_starts(s, "http://"))
		s += 7;
	if (!strcmp(s, "index.docker.io") || text_starts(s, "index.docker.io/"))
		s = "docker.io";
	return arena_printf(a, "%.*s", (int)strcspn(s, "/"), s);
}

static int read_line(struct arena *a, const char *prompt, bool hidden, const char **out,
		     struct err *e)
{
	struct termios old, quiet;
	char line[4096];
	bool got;

	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	if (hidden && !tcgetattr(STDIN_FILENO, &old)) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
		fputc('\n', stderr);
	}
	if (!got)
		return err_set(e, EINVAL, "nothing was entered");
	line[strcspn(line, "\r\n")] = '\0';
	*out = arena_printf(a, "%s", line);
	return 0;
}

static int read_password(struct cli *c, const struct login *o, const char **out, struct err *e)
{
	struct span text;
	int r;

	if (o->password) {
		*out = o->password;
		return 0;
	}
	if (o->password_stdin) {
		r = file_read_fd(&c->arena, STDIN_FILENO, 65536, &text, e);
		while (!r && text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
			text.n--;
		*out = r ? NULL : span_dup(&c->arena, text);
		return r;
	}
	if (!isatty(STDIN_FILENO)) {
		err_set(e, EINVAL, "there is no terminal to ask for a password");
		return err_hint(e, "berth login -u USER --password-stdin < file");
	}
	return read_line(&c->arena, "Password", true, out, e);
}

static int login_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct login *o = opts;
	struct credentials cred = {.user = o->user};
	const char *domain = domain_of(&c->arena, argc, argv), *where;
	struct registry registry;
	int r = 0;

	if (o->password && o->password_stdin)
		return err_set(e, EINVAL, "--password and --password-stdin exclude each other");
	if (!cred.user && (o->password_stdin || !isatty(STDIN_FILENO)))
		return err_set(e, EINVAL, "--username is missing, and there is no terminal to ask");
	if (!cred.user)
		r = read_line(&c->arena, "Username", false, &cred.user, e);
	if (!r)
		r = read_password(c, o, &cred.password, e);
	if (r < 0)
		return r;
	r = registry_open(&c->arena, domain, &registry, e);
	if (!r)
		r = registry_use_origin(&registry, e);
	if (!r)
		r = registry_login(&registry, &cred, e);
	registry_close(&registry);
	if (r < 0)
		return err_wrap(e, "log in to %s", domain);
	r = auth_store(&c->arena, domain, &cred, &where, e);
	if (r < 0)
		return r;
	if (!text_starts(where, "docker-credential-"))
		fprintf(stderr,
			"The password lies unencrypted in %s; a credential helper would keep "
			"it better.\n",
			where);
	puts("Login Succeeded");
	return 0;
}

/* clang-format off */
static const struct opt login_opts[] = {
	{'p', "password",       OPT_STR,  offsetof(struct login, password),       "WORD", "the password (seen by others in the list of processes: rather --password-stdin)"},
	{0,   "password-stdin", OPT_FLAG, offsetof(struct login, password_stdin), NULL,   "read the password from standard input"},
	{'u', "username",       OPT_STR,  offsetof(struct login, user),           "NAME", "who you are"},
	{0},
};
/* clang-format on */

const struct command login_command = {
	.name = "login",
	.args = "[REGISTRY]",
	.brief = "Keep a name and password for a registry, after trying them",
	.opts = login_opts,
	.size = sizeof(struct login),
	.max = 1,
	.run = login_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

static int logout_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *domain = domain_of(&c->arena, argc, argv);
	bool was_there;
	int r = auth_erase(&c->arena, domain, &was_there, e);

	if (!r)
		printf(was_there ? "Removing login credentials for %s\n" : "Not logged in to %s\n",
		       domain);
	return r;
}

const struct command logout_command = {
	.name = "logout",
	.args = "[REGISTRY]",
	.brief = "Forget the password for a registry",
	.max = 1,
	.run = logout_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};
