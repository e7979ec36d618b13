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
# the slot's status says that every pipe is open and the view is there; PID is bwrap's where it is fed. bwrap tells
# `scatter` its process 1 (descriptor 6), and starts the command when that has ended (7).
launch() {
  first=$1 view=$2 top=$3 lower=$4
  shift 4
  exec 6<>"$slot/info" 9<"$slot/info" 8<>"$slot/block" 7<"$slot/block"
  scatter "$first" &
  exec 8>&- 9<&- 3<"$slot/args"
  { trap stop_parent EXIT; overlay "$view" "$top" "$lower" && echo "started $pid" >&5 && trap - EXIT; } 6>&- 7<&- &
  ulimit -c 0
  exec "$@"
}

# scatter FIRST: the command's processes get pids after that, which is another one each time: a file with the pid of a
# process that was killed with an earlier command must not name one of this. See pid_namespaces(7) on ns_last_pid.
scatter() {
  exec <&9 >/dev/null 2>&1 5>&- 6>&- 7<&- 9<&- # here: a shell keeps what it closes for one call of a function
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

# net ID PATH WALLS NODE SCRIPT PORT…: a network namespace at PATH with a user-mode stack in it, which puts WALLS
# up around itself, and what must not be reached cut off. The loopback ports in it lead to the host's proxies,
# through the sockets net/pPORT. Answers with the stack's pid. It waits for a watch.
net() {
  id=$1 net=$2 walls=$3 node=$4 script=$5
  shift 5
  (
    exec </dev/null 8<&- 9>&-
    : >"$net" && unshare --net="$net" true 2>"$net.log" 4>&- || fail_net
    nsenter --net="$net" sh -c "$never" sh "$never4" "$never6" >"$net.log" 2>&1 4>&- || fail_net
    await net/watch $$ || fail_net
    : >"$net.on" # before the look: what changes after it the watch brings
    { read_own && cut_off "$net"; } >"$net.log" 2>&1 4>&- || fail_net
    # Opened for both first: a pipe that nobody writes to would be waited for.
    exec 6<>net/alive 7<net/alive 6>&-
    slirp4netns $walls --configure --mtu=65520 --disable-host-loopback --netns-type=path --ready-fd=3 --exit-fd=7 \
      "$net" tap0 3>"$net.ready" 4>&- >"$net.log" 2>&1 &
    slirp=$!
    exec 7<&-
    echo "$slirp" >"$net.pid"
    await "$net.ready" "$slirp" || fail_net
    for port; do
      nsenter --net="$net" "$node" "$script" "$port" "net/p$port" >"$net.$port" 2>"$net.log" 4>&- &
      echo "$!" >>"$net.pid"
      await "$net.$port" "$!" || fail_net
    done
    echo "$id 0 $slirp" >&4
  ) &
}

# In a new namespace. Link-local addresses are the cloud's metadata; the stack has no IPv6, and its device shall have
# none, but what leads to IPv4 addresses is cut off all the same. Multicast stays inside: by routes where a socket
# is bound to nothing, by policies where it is (the kernel then asks no route), or the host's own services hear it.
# Routes to IPv6 addresses can't be added where the kernel has no IPv6: -force goes on.
never='
  echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/default/disable_ipv6
  echo "$2" | ip -force -batch - 2>/dev/null
  echo "$1" | ip -batch -'
never4='link set lo up
route add blackhole 169.254.0.0/16
route add blackhole 0.0.0.0/8
route add blackhole 255.255.255.255
route add 224.0.0.0/4 dev lo
xfrm policy add dst 224.0.0.0/4 dir out action block
xfrm policy add dst 255.255.255.255/32 dir out action block'
never6='route add blackhole fe80::/10
route add blackhole ::ffff:0:0/96
route add blackhole 64:ff9b::/96
route add blackhole 64:ff9b:1::/48
route add blackhole 2002::/16'

# read_own: routes that cut off every address this host answers to, whatever interface has it, into own4 and own6.
read_own() {
  own4='' own6='' answers=$(printf 'route show table all type %s\n' local broadcast anycast | ip -batch -) || return 1
  while read -r _ to _; do
    case $to in
      # The sandbox's own; a whole family is diverted for a proxy; the stack's name server is never the host's.
      127.* | ::1 | default | 10.0.2.3) ;;
      *:*) own6="$own6${nl}route replace blackhole $to" ;;
      *.*) own4="$own4${nl}route replace blackhole $to" ;;
    esac
  done <<END
$answers
END
}

# cut_off NET: what read_own read.
cut_off() {
  [ -z "$own4" ] || echo "$own4" | nsenter --net="$1" ip -batch - || return 1
  [ -z "$own6" ] || echo "$own6" | nsenter --net="$1" ip -force -batch - || :
}

# watch ID: follows this host's addresses into every namespace for as long as it lives. Nothing goes on without it: it
# alone has net/alive open for writing, and that pipe's end is the end of every stack. Answers with its pid.
watch() {
  rm -f net/watch net/monitor
  [ -p net/alive ] || mkfifo -m 600 net/alive
  (
    exec </dev/null 8<&- 9>&-
    {
      read -r pid _ </proc/self/stat
      echo "$pid" >net/monitor
      exec ip monitor route 2>&1 4>&-
    } | follow "$1"
  ) &
}

follow() {
  exec 6<>net/alive
  await net/monitor $$ && read -r monitor <net/monitor
  tries=0
  until subscribed "$monitor"; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "$1 1 ip monitor route does not start" >&4; exit 1; }
    sleep 0.01
  done
  read -r pid _ </proc/self/stat
  echo "$pid" >net/watch
  echo "$1 0 $pid" >&4
  exec 4>&- 2>/dev/null
  while read -r change; do
    case $change in
      local\ * | broadcast\ * | anycast\ * | *error*) ;; # an error: there were too many to be told
      *) continue ;;
    esac
    read_own || exit
    for on in net/*.on; do
      # One that was ended meanwhile can't be entered, and need not.
      [ ! -e "$on" ] || cut_off "${on%.on}" || [ ! -e "$on" ] || exit
    done
  done
}

# subscribed PID: whether a process hears of changes: one of its sockets is among the kernel's with a group.
subscribed() {
  sockets=$(ls -l "/proc/$1/fd" 2>/dev/null)
  while read -r _ _ _ groups _ _ _ _ _ inode; do
    [ "$groups" = 00000000 ] || case $sockets in *"socket:[$inode]"*) return 0 ;; esac
  done </proc/net/netlink
  return 1
}

# await FILE PID: until the process has said something, for ten seconds at most.
await() {
  tries=0
  until [ -s "$1" ]; do
    tries=$((tries + 1))
    kill -0 "$2" 2>/dev/null && [ $tries -lt 1000 ] || return 1
    sleep 0.01
  done
}

fail_net() {
  rm -f "$net.on"
  echo "$id 1 $(tr '\n' ' ' <"$net.log")" >&4
  exit
}

# unnet ID PATH
unnet() {
  rm -f "$2.on"
  while read -r pid; do kill -9 "$pid"; done <"$2.pid"
  umount -n -l "$2"
  rm -f "$2" "$2".*
  echo "$1 0" >&4
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
