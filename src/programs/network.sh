# The holder's network namespaces: sourced by holder.sh, whose functions these are.

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
  echo 0 2>/dev/null >/proc/sys/net/ipv4/ip_unprivileged_port_start
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

# lone ID PATH: a network namespace with nothing but its loopback: for services of sandboxes without a network, and
# what shall reach these.
lone() {
  id=$1 net=$2
  (
    exec </dev/null 8<&- 9>&-
    : >"$net" && unshare --net="$net" true 2>"$net.log" 4>&- || fail_net
    nsenter --net="$net" sh -c 'echo 0 2>/dev/null >/proc/sys/net/ipv4/ip_unprivileged_port_start; ip link set lo up' \
      >"$net.log" 2>&1 4>&- || fail_net
    : >"$net.pid"
    echo "$id 0" >&4
  ) &
}

# connector ID PATH NODE SCRIPT: what connects to loopback ports of a namespace for those who reach the socket
# PATH.connect; see connect-program.mjs. It ends with the namespace.
connector() {
  id=$1 net=$2 node=$3 script=$4
  (
    exec </dev/null 8<&- 9>&-
    nsenter --net="$net" "$node" "$script" "$net.connect" >"$net.connecting" 2>"$net.log" 4>&- &
    connector=$!
    echo "$connector" >>"$net.pid"
    await "$net.connecting" "$connector" || fail_net
    echo "$id 0" >&4
  ) &
}

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
