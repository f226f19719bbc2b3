#include "runtime/label.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PROFILE "berth-default"

/*
 * What a container may not do even where capabilities and mounts would let it: the same promises as
 * docker-default. Without includes, so that it does not depend on the host's abstractions.
 */
static const char profile_text[] =
	"profile " DEFAULT_PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
	"  network,\n"
	"  capability,\n"
	"  file,\n"
	"  umount,\n"
	"  signal (receive) peer=unconfined,\n"
	"  signal (send,receive) peer=" DEFAULT_PROFILE ",\n"
	"  ptrace (trace,read,tracedby,readby) peer=" DEFAULT_PROFILE ",\n"
	"  deny mount,\n"
	"  deny pivot_root,\n"
	"  deny /proc/{sysrq-trigger,kcore,kmem,mem} rwklx,\n"
	"  deny /proc/{acpi,asound,bus,driver,fs,irq,scsi,tty}/** w,\n"
	"  deny /proc/sys/{abi,debug,dev,fs,user,vm}/** w,\n"
	/* of the kernel's: what belongs to the IPC namespace */
	"  deny /proc/sys/kernel/[^ms]** w,\n"
	"  deny /proc/sys/kernel/s[^eh]** w,\n"
	"  deny /proc/sys/kernel/m[^s]** w,\n"
	"  deny /sys/{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}/** "
	"wklx,\n"
	"  deny /sys/fs/{[^c],c[^g]}** wklx,\n"
	"  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** r,\n"
	"}\n";

static bool kernel_has(const char *module)
{
	auto_arena a = {0};
	struct span list, one;
	struct err ignored;
	bool more = true;

	if (file_read(&a, AT_FDCWD, "/sys/kernel/security/lsm", 4096, &list, &ignored) < 0)
		return false;
	while (more) {
		more = span_cut(&list, ',', &one);
		if (span_is(one, module))
			return true;
	}
	return false;
}

static bool is_loaded(const char *profile)
{
	auto_arena a = {0};
	struct span list, line, name;
	struct err ignored;
	bool more = true;

	if (file_read(&a, AT_FDCWD, "/sys/kernel/security/apparmor/profiles", 4 << 20, &list,
		      &ignored) < 0)
		return false;
	while (more) {
		more = span_cut(&list, '\n', &line);
		span_cut(&line, ' ', &name);
		if (span_is(name, profile))
			return true;
	}
	return false;
}

static bool is_confined(const struct container_spec *s)
{
	return s->apparmor && *s->apparmor && strcmp(s->apparmor, "unconfined") != 0;
}

/* Once per boot of the host; what fails leaves the container as confined as it is elsewhere. */
static void load_default(void)
{
	static const char *const argv[] = {"apparmor_parser", "--replace", "--skip-cache", NULL};
	const struct proc p = {.argv = argv,
			       .input = span_of(profile_text),
			       .limit = 4096,
			       .timeout_ns = 10 * INT64_C(1000000000)};
	auto_arena a = {0};
	struct span output;
	struct err e;
	int status;

	if (proc_run(&a, &p, &status, &output, &e) < 0)
		log_warn("no AppArmor profile, install apparmor_parser: %s", e.why);
	else if (status)
		log_warn("no AppArmor profile: apparmor_parser says: %s", span_dup(&a, output));
}

int label_choose(const struct container_spec *s, const char **profile, struct err *e)
{
	*profile = NULL;
	if (s->selinux_label && !kernel_has("selinux"))
		return err_set(e, ENOTSUP, "label \"%s\": this kernel has no SELinux",
			       s->selinux_label);
	if (!s->apparmor && !s->privileged && kernel_has("apparmor")) {
		if (!is_loaded(DEFAULT_PROFILE))
			load_default();
		*profile = is_loaded(DEFAULT_PROFILE) ? DEFAULT_PROFILE : NULL;
	}
	if (!is_confined(s))
		return 0;
	if (!kernel_has("apparmor"))
		return err_set(e, ENOTSUP, "apparmor profile \"%s\": this kernel has no AppArmor",
			       s->apparmor);
	if (!is_loaded(s->apparmor))
		return err_set(e, ENOENT, "apparmor profile \"%s\" is not loaded", s->apparmor);
	*profile = s->apparmor;
	return 0;
}

static int write_label(int proc, const char *file, const char *text, struct err *e)
{
	auto_fd int fd =
		sys_openat2(proc, file, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	int r = fd < 0 ? fd : sys_write_all(fd, text, strlen(text));

	return r < 0 ? err_set(e, -r, "cannot take label \"%s\": %s", text, strerror(-r)) : 0;
}

int label_take(const struct container_spec *s, const char *profile, int proc, struct err *e)
{
	char text[300];

	if (s->selinux_label)
		return write_label(proc, "thread-self/attr/exec", s->selinux_label, e);
	if (!profile)
		return 0;
	if (snprintf(text, sizeof(text), "exec %s", profile) >= (int)sizeof(text))
		return err_set(e, ENAMETOOLONG, "the name of the apparmor profile is too long");
	return write_label(proc, "thread-self/attr/apparmor/exec", text, e);
}
