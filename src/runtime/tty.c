/*
 * A terminal of the container's own devpts: nothing of the host's is ever named inside, and the
 * peer is asked of the kernel (TIOCGPTPEER), not looked up as a path (CVE-2025-52565).
 */
#include "runtime/tty.h"
#include "base/mountfd.h"
#include "base/sys.h"
#include "runtime/child.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

int tty_open(int pts, unsigned short rows, unsigned short cols, struct tty *out, struct err *e)
{
	auto_fd int master = sys_open(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
	const struct winsize size = {.ws_row = rows, .ws_col = cols};
	int unlock = 0, slave;

	if (master < 0)
		return err_set(e, -master, "cannot open the container's ptmx: %s",
			       strerror(-master));
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_set(e, errno, "cannot unlock it: %s", strerror(errno));
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_set(e, errno, "cannot open its peer: %s", strerror(errno));
	if (rows && cols)
		ioctl(slave, TIOCSWINSZ, &size);
	*out = (struct tty){.master = take_fd(&master), .slave = slave};
	return 0;
}

int tty_place(const struct tty *t, uid_t owner, struct err *e)
{
	if (fchown(t->slave, owner, (gid_t)-1) < 0)
		return err_set(e, errno, "cannot give it to user %u: %s", owner, strerror(errno));
	for (int i = 0; i < 3; i++) {
		if (dup2(t->slave, i) < 0)
			return err_set(e, errno, "cannot place it: %s", strerror(errno));
	}
	return 0;
}

static int take(const struct tty *t, uid_t owner, struct err *e)
{
	if (tty_place(t, owner, e) < 0)
		return -e->code;
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "cannot make it the controlling terminal: %s",
			       strerror(errno));
	return 0;
}

static int put_console(struct child *c, const struct tty *t, struct err *e)
{
	auto_fd int file =
		sys_open(c->dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);
	auto_fd int at = file < 0 ? file : sys_open(c->dev, "console", O_PATH | O_NOFOLLOW, 0);
	auto_fd int tree = at < 0 ? at : mountfd_clone(t->slave, "", false);
	int r = tree < 0 ? tree : mountfd_put(tree, at);

	return r < 0 ? err_set(e, -r, "cannot make /dev/console: %s", strerror(-r)) : 0;
}

int tty_hand(struct tty *t, int sock, struct err *e)
{
	char note = 't';
	int r = sys_send_fds(sock, &note, 1, &t->master, 1);

	close(t->master);
	close(t->slave);
	return r < 0 ? err_set(e, -r, "cannot hand it out: %s", strerror(-r)) : 0;
}

int tty_child(struct child *c, struct err *e)
{
	struct tty t;
	int r;

	if (!c->spec->tty)
		return 0;
	r = tty_open(c->pts, c->spec->rows, c->spec->cols, &t, e);
	r = r < 0 ? r : put_console(c, &t, e);
	r = r < 0 ? r : take(&t, userns_uid(c->spec, c->user.uid), e);
	return r < 0 ? r : tty_hand(&t, c->sync, e);
}
