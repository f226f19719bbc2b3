/*
 * The control protocol, supervisor's end: a listening socket, connections, a table of requests.
 *
 * Request: one JSON object a line. "services": [names], empty or absent: all.
 *   {"do":"up", "services":[], "force_recreate", "no_recreate", "no_start", "no_deps",
 *    "always_recreate_deps", "remove_orphans", "renew_anon_volumes", "wait" (bools),
 *    "wait_timeout_ns":N, "scale":{"web":3}, "timeout_ns":N, "rolling":bool,
 *    "secrets":{"secret:key"|"config:key": base64}}   definition: project.json, saved before
 *   {"do":"down", "services":[], "volumes":bool, "remove_orphans":bool, "timeout_ns":N}
 *   {"do":"stop"|"start"|"restart", "services":[], "timeout_ns":N, "no_deps":bool}
 *   {"do":"kill", "services":[], "signal":"SIGKILL"}
 *   {"do":"pause"|"unpause", "services":[]}
 *   {"do":"rm", "services":[], "stop":bool, "volumes":bool}     stopped containers only
 *   {"do":"scale", "scale":{"web":3}, "no_deps":bool}
 *   {"do":"run", "service":S, "command":[..]?, "entrypoint":[..]?, "env":{}, "labels":{},
 *    "name":N?, "user":U?, "workdir":W?, "volumes":["src:dst[:ro]"], "publish":[{port}],
 *    "service_ports":bool, "use_aliases":bool, "no_deps":bool, "rm":bool, "tty":bool,
 *    "interactive":bool, "cap_add":[], "cap_drop":[], "rows":N, "cols":N, "detach":bool}
 *    without tty and not detached: 3 descriptors, its stdio. Events: dependencies as in up;
 *    {"event":"started","name":,"id":,"pid":} (with tty the master beside it, "fds":1); then,
 *    unless detached, {"event":"exited","code":N}; done has the same code.
 *   {"do":"wait", "services":[], "containers":[names], "down":bool}  each: {"event":"exited",
 *    "name":,"code":N}; done has the first one's code
 *   {"do":"attach", "container":NAME}                 done has 1 descriptor with a tty (the
 * master), else the write end of stdin where stdin_open
 *   {"do":"events", "services":[]}           one line an event until hang-up
 *   {"do":"plan", "goal":"up"|"down"|.., the goal's options}   {"event":"step", "do":,"target":,
 *                                            "because":,"after":[n],"n":N} and "text"
 *   {"do":"why", "services":[]}              {"event":"why","service":,"lines":[..],"hint":}
 *   {"do":"timeline"}                        {"event":"span","name":,"what":,"from_ns":,"to_ns":}
 *   {"do":"heal_reset", "services":[]}
 *   {"do":"rollback", "service":S, "revision":N?}
 *   {"do":"connect", "container":NAME, "network":NAME, "ip4":A?, "ip6":A?, "aliases":[]}
 *   {"do":"disconnect", "container":NAME, "network":NAME}
 *   {"do":"ping"}                            done at once: {"pid":,"guardian":,"version":,
 *                                            "busy":bool}, where a job is under way or waits
 *
 * Answers, any number: {"event":"container"|"network"|"volume","name":,"service":,"status":
 *   Creating Created Starting Started Waiting Healthy Exited Stopping Stopped Removing Removed
 *   Recreate Restarting Killed Paused Unpaused Running Error Skipped, "text":..}
 *   {"event":"warning","text":}  {"event":"queued","behind":"up","pid":N}
 * and last {"done":true,"code":N,"error":{"code","what","why","at","hint"}?}; with "left":true,
 * when supervisor and guardian end now, their pidfds are beside it: client_call() returns after
 * both. A job that brings things down calls off starts before it: their answer is ECANCELED. After
 * a hang-up the work goes on, but waits for no gate; a container run in the foreground lives on
 * until it is killed by request.
 */
#pragma once
#include "base/json.h"
#include "base/loop.h"

struct supervisor;
struct conn;

int control_open(struct supervisor *s, int listen_fd, struct err *e) must_check;

/* To one connection (NULL: nobody listens any more). Takes the reference of msg. */
void conn_send(struct conn *c, json_t *msg);
void conn_send_fds(struct conn *c, json_t *msg, const int *fds, size_t n);
void conn_done(struct conn *c, int code, const struct err *error);
pid_t conn_pid(const struct conn *c);
