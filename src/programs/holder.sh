# The holder: process 1 of its own user, mount and pid namespaces. It holds every mount and is the parent
# of every command. Node sends it calls of the functions below on standard input, one a line, and reads
# answers (descriptor 4) as lines "ID STATUS TEXT". When Node ends, input ends: finish kills everything.
# POSIX sh: it runs under dash, bash and busybox.

set -u
[ $$ = 1 ] || exit 1 # finish kills all that can be seen
nl='
'
umask 022

# prepare HIDDEN SESSION STAGE: locks the lease (descriptor 5), and makes a place that commands' users may traverse. Runs once.
prepare() {
  read -r pid _ </proc/self/stat
  cd "$1" || exit 1
  exec 9>&5 5>&-
  flock 9 || exit 1 # who looks whether it is locked locks it for a moment
  : >>cgroups && exec 8<cgroups # for finish, even if somebody has removed the state by then
  mount -n -i -t proc proc /proc || exit 1
  mount -n -i -t tmpfs -o mode=755 forkbox "$3" && mkdir "$3/s" "$3/h" && mkdir -m 700 "$3/io" || exit 1
  mount -n -i -c --bind . "$3/s" && cd "$3/s" || exit 1
  unset OLDPWD # commands can read the environment that bwrap starts with
  own=$2 stage=$3
  echo "0 0 $pid" >&4
}

# run ID COMMAND…: in the foreground; answers with its status and what it printed.
run() {
  id=$1
  shift
  text=$("$@" 2>&1 4>&- 8<&- 9>&-)
  status=$?
  set -f # what it printed becomes words of one line, and no pattern
  set -- $text
  set +f
  echo "$id $status $*" >&4
}

# task ID COMMAND…: the same in the background.
task() {
  ( run "$@" ) </dev/null &
}

# slot N: the named pipes of one running command. Sandboxed users must be able to reopen /dev/stdout. They lie in the
# holder's own mount and nowhere on a disk: a line written to one is run as the caller, and no mount option says who
# may write to a pipe.
slot() {
  mkdir -p "$stage/io/$1" && (cd "$stage/io/$1" && mkfifo -m 600 go args status info block && mkfifo -m 622 out err)
}

# overlay VIEW TOP LOWER: what is in it dies with the session unless it is kept, which syncs it. So none of its
# programs has to wait for the disk.
overlay() {
  mount -n -i -c -t overlay -o "userxattr,volatile,lowerdir=$3,upperdir=l/$2,workdir=w/$1" overlay "v/$1"
}

# standby ID N CGROUP…: a process that enters its cgroups and makes one call of `launch` after the other in them.
# Entering a cgroup takes milliseconds, since the kernel waits for an RCU grace period; being born in one does not.
# It opens the pipes that are read, so that they end however early the launch does. Before the call, "fed" gives it
# a new pipe as stdin, which Node opens for writing: one without a name can be opened again as /dev/stdin, and ends
# all the same.
standby() {
  jobs >/dev/null # reaps what ended before
  apart stand "$@"
}

stand() {
  id=$1 slot=$stage/io/$2
  shift 2
  exec 8<&- 9>&- </dev/null
  for cgroup; do
    # Not in a substitution: that would move the substitution's own process.
    echo 0 2>/dev/null >"$cgroup/cgroup.procs" || { echo "$id 1 $cgroup can't be entered" >&4; exit 1; }
  done
  read -r pid _ </proc/self/stat
  echo "$id 0 $pid" >&4
  exec 4>&-
  while :; do
    read -r call <"$slot/go" && case $call in
      "fed "*) : | { read -r pid _ </proc/self/stat && eval "${call#fed }"; } ;;
      *) (eval "$call") ;;
    esac 5>"$slot/status" >"$slot/out" 2>"$slot/err"
  done
}

# apart FUNCTION…: in a process of its own that is not waited for. What & starts ignores SIGINT and SIGQUIT, and so
# would every command below it. So this is one end of a pipe, and the other end kills the shell that waits for both.
apart() {
  { : "$(read -r me _ </proc/self/stat; "$@" >/dev/null | kill -9 "$me")"; } 2>/dev/null
}

# launch FIRST VIEW TOP LOWER ENTER… -- COMMAND…
# Becomes bwrap, which waits for its options from the slot's args, and meanwhile mounts the view. "started PID" on
# the slot's status says that every pipe is open and the view is there; PID is bwrap's where it is fed. bwrap tells its
# process 1 to what has mounted the view (descriptors 6 and 9), and starts the command when that has ended (7 and 8).
# FIRST is 0 where pids may be what they are.
launch() {
  first=$1 view=$2 top=$3 lower=$4
  shift 4
  exec 6<>"$slot/info" 9<"$slot/info" 8<>"$slot/block" 7<"$slot/block" 3<"$slot/args"
  {
    exec 3<&- 6>&- 7<&-
    trap stop_parent EXIT
    overlay "$view" "$top" "$lower" && echo "started $pid" >&5 && trap - EXIT && { [ "$first" = 0 ] || scatter "$first"; }
  } &
  exec 8>&- 9<&-
  ulimit -c 0
  exec "$@"
}

# scatter FIRST: the command's processes get pids after that, which is another one each time: a file with the pid of a
# process that was killed with an earlier command must not name one of this. See pid_namespaces(7) on ns_last_pid.
scatter() {
  exec <&9 >/dev/null 2>&1 5>&- 9<&-
  while read -r name value; do
    case $name in '"child-pid":') exec nsenter --target "${value%,}" --pid sh -c "echo $1 >/proc/sys/kernel/ns_last_pid" ;; esac
  done
}

stop_parent() {
  read -r _ _ _ parent _ </proc/self/stat
  kill -9 "$parent"
}

# guest MAP: a user namespace whose root is nobody on the host, kept by a mount. For `user: "root"`.
guest() {
  [ -e guest ] && return
  unshare --user sleep 60 &
  sleeper=$!
  tries=0
  while [ "$(readlink "/proc/$sleeper/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || return 1
    sleep 0.01
  done
  printf %s "$1" >"/proc/$sleeper/uid_map" && printf %s "$1" >"/proc/$sleeper/gid_map" || return 1
  nsenter --user="/proc/$sleeper/ns/user" -S 0 -G 0 sh -c 'echo 0 >/proc/sys/user/max_user_namespaces' || return 1
  : >guest && mount -n -i -c --bind "/proc/$sleeper/ns/user" guest || return 1
  kill -9 $sleeper
}

# reap ID: until then, what is left of ended commands counts for the processes of their cgroup.
reap() {
  jobs >/dev/null
  echo "$1 0" >&4
}

# stop PID: kills what a command's namespace hangs on, and by that all of it.
stop() {
  kill -9 "$1" 2>/dev/null
}

# reclaim SESSIONS: removes what killed owners left. A lease that can be locked has no owner.
reclaim() {
  for session in "$1"/* "$1"/.[0-9]*; do
    [ -d "$session" ] && [ "$session" != "$own" ] || continue
    case ${session##*/} in
      .*) [ -n "$(find "$session" -maxdepth 0 -mmin +1)" ] || continue ;; # not one that is just starting
    esac
    (
      flock -n 7 || exit 0
      if rmcgroups "$session/cgroups"; then
        rm -rf -- "$session"
      else # for the next start
        find "$session" -mindepth 1 -maxdepth 1 ! -name cgroups ! -name lease -exec rm -rf -- {} +
      fi
    ) 7>>"$session/lease"
  done
}

# rmcgroups FILE: those that it lists, one a line. Fails where some can't be removed: processes of an owner that
# was killed may be dying yet.
rmcgroups() {
  [ -f "$1" ] || return 0
  tries=0 left=0
  while IFS= read -r cgroup; do
    until rmdir "$cgroup"/* "$cgroup" 2>/dev/null || [ ! -d "$cgroup" ]; do
      tries=$((tries + 1))
      [ $tries -lt 50 ] || { left=1 && break; }
      sleep 0.02
    done
  done <"$1"
  return $left
}

# tidy: says that the owner ends in good order, so that finish may take its time to remove the session.
tidy() {
  remove=$own
}

finish() {
  trap - EXIT
  kill -9 -1 2>/dev/null
  wait
  rmcgroups /proc/self/fd/8 || return
  [ -n "$remove" ] || return
  cd / && umount -n -l -R "$stage/s" && rm -rf -- "$remove" # what is mounted on can't be removed
}
remove=
trap finish EXIT
