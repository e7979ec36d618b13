/** Where a command's scripts, input and output are mounted while it runs. No snapshot holds it. */
export const MOUNT = "/.forkbox";

/** Where pieces of a stdin that goes on arrive. */
export const CHANNEL = "/.forkbox-in";

/** Where root's scripts look for their programs: nowhere that an image may have given to its users. */
export const SYSTEM_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/** What every image needs for the scripts here. */
const NEEDED_TOOLS = [
  "cat",
  "chown",
  "dd",
  "env",
  "ln",
  "mkdir",
  "mkfifo",
  "mv",
  "readlink",
  "rm",
  "rmdir",
  "sleep",
  "stat",
  "tail",
  "tee",
  "wc",
] as const;

/** What a command leaves of itself for root alone: the next one may find it there. */
export const EMPTY = { out: Buffer.alloc(0), err: Buffer.alloc(0), result: Buffer.alloc(0) } as const;

/** Names that the shell of {@link RUN} gives a meaning or a value of its own, and what the loader of its programs reads. */
export const TAKEN_NAME = /^(?:fbx_.*|LD_.*|PATH|IFS|ENV|PWD|OLDPWD|PPID|OPTIND|OPTARG|LINENO|_)$/;

/**
 * Runs one command below the first process of its container, and leaves beside itself what became of it: `out`
 * and `err`, the first BLOCKS blocks of each stream (of a longer one `out.tail` has the last bytes), and `result`:
 * a line of how it ended ("exited 7", "deadline 137", "cwd missing"...), the lengths of `out` and `err`, and how much
 * came after them; the attributes of some directories; an empty line, and `out` and `err` where both are short:
 * with a long ID each file that is asked for takes milliseconds.
 *
 * What is mounted there may be as the run before left it, with its FIFOs and files: then nothing of them counts.
 *
 * All this is root's. The command runs as its sandbox's user, who can neither write here, nor trace or stop
 * what runs this; the command of a sandbox that is root's can. It is in the foreground, as a shell
 * lets what it puts into the background ignore SIGINT.
 *
 * Streams go through FIFOs, as programs behave differently when they print to a file. tee feeds the engine's
 * log (live output) beside dd, which keeps the head; when that is full the log is cut and the rest goes to tail.
 * The first process can't be killed from inside and its end takes all others with it. What is left when the
 * command ends is stopped, so that nothing can fork, and killed before the streams are read to their end.
 */
export const RUN = `#!/bin/sh
# run NONCE CWD SECONDS, then words for env; or none, and they are in ./words. The rest is in ./options.
# Whatever is in the environment is the command's: variables of this script's own begin with fbx_.
${SYSTEM_PATH}
cd ${MOUNT} || exit 1
fbx_cwd=$2 fbx_seconds=$3
shift 3
[ $# -gt 0 ] || . ./words
. ./options
unset OLDPWD OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_PROTOCOL \
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_LIVE OTEL_EXPORTER_OTLP_LOGS_PROTOCOL \
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT OTEL_EXPORTER_OTLP_METRICS_PROTOCOL OTEL_EXPORTER_OTLP_METRICS_ENDPOINT \
  TRACEPARENT
say() {
  [ -f result ] && [ ! -L result ] || rm -rf result
  echo "$1" >result
}
end() { say "$1"; exit $fbx_failed; }
: >out
: >err
# What this shell itself says is not the command's output.
exec 3>&2 2>/dev/null
if [ ! -d "$fbx_cwd" ]; then [ -e "$fbx_cwd" ] && end 'cwd file'; end 'cwd missing'; fi
keep() {
  dd bs=$fbx_block count=$fbx_blocks iflag=fullblock of=$1 2>$1.dd
  [ -f $1.dd ] && read -r fbx_full _ <$1.dd
  [ "$fbx_full" = "$fbx_blocks+0" ] || exit 0
  [ -z "$2" ] || kill -KILL $2
  mkfifo $1.all
  wc -c <$1.all >$1.rest &
  tee $1.all | tail -c $fbx_tail >$1.tail
  wait
}
fbx_log1= fbx_log2= fbx_to1=/dev/null fbx_to2=/dev/null fbx_logs=
[ "$fbx_live" = 0 ] || fbx_to1=o.log fbx_to2=e.log fbx_logs="o.log e.log"
# A command may open its own streams anew, as /dev/stdout; nothing else leads its user here.
[ -p o ] || mkfifo -m 622 o e o.keep e.keep $fbx_logs || end broken
if [ "$fbx_live" = 1 ]; then
  cat <$fbx_to1 3>&- & fbx_log1=$!
  cat <$fbx_to2 >&3 3>&- & fbx_log2=$!
fi
exec 3>&-
(trap '' PIPE; exec tee o.keep <o >$fbx_to1) & fbx_tee1=$!
(trap '' PIPE; exec tee e.keep <e >$fbx_to2) & fbx_tee2=$!
keep out $fbx_log1 <o.keep & fbx_keep1=$!
keep err $fbx_log2 <e.keep & fbx_keep2=$!
fbx_ours="1 $fbx_keep1 $fbx_keep2 $fbx_log1 $fbx_log2 $fbx_tee1 $fbx_tee2"
# Kills all but what serves the streams.
reap() {
  kill -STOP -1
  for fbx_entry in /proc/[0-9]*; do
    fbx_pid=\${fbx_entry#/proc/} fbx_stat=
    # A process may have any name; the last parenthesis ends it.
    while IFS= read -r fbx_line; do fbx_stat=$fbx_line; done <$fbx_entry/stat || continue
    fbx_stat=\${fbx_stat##*\\) ? }
    case " $fbx_ours " in *" $fbx_pid "*) continue ;; esac
    case " $fbx_keep1 $fbx_keep2 $fbx_timer " in *" \${fbx_stat%% *} "*) continue ;; esac
    kill -KILL $fbx_pid
  done
  kill -CONT -1
}
fbx_input=/dev/null
[ -e in ] && fbx_input=in
if [ -d ${CHANNEL} ]; then
  fbx_input=i
  mkfifo $fbx_input || end broken
  receive() {
    fbx_piece=1
    while :; do
      until [ -e ${CHANNEL}/$fbx_piece ]; do sleep 0.05 || sleep 1; done
      [ -s ${CHANNEL}/$fbx_piece ] && cat ${CHANNEL}/$fbx_piece && rm -f ${CHANNEL}/$fbx_piece || exit 0
      fbx_piece=$((fbx_piece + 1))
    done
  }
  receive >i &
fi
# It stays until the streams are read: nothing holds them open longer than this.
fbx_timer=none
if [ -n "$fbx_seconds" ]; then
  {
    sleep $fbx_seconds
    read -r fbx_timer _ </proc/self/stat
    fbx_ours="$fbx_ours $fbx_timer"
    echo >deadline # and not :, which would end this where that can't be made
    reap
  } &
  fbx_timer=$!
fi
# Opened here, so that each tee has its writer even when the command is killed before it could open them.
exec 4>o 5>e 6>denied
# With redirections in this shell itself it would say there that the command was killed.
(exec "$@" <$fbx_input >&4 2>&5 4>&- 5>&-)
fbx_code=$?
exec 4>&- 5>&- 6>&-
fbx_why=exited fbx_rest1=0 fbx_rest2=0
[ ! -e deadline ] || fbx_why=deadline
fbx_ours="$fbx_ours $fbx_timer"
reap
wait $fbx_keep1 $fbx_keep2
[ ! -d ${CHANNEL} ] || rm -rf ${CHANNEL}/*
[ ! -s denied ] || end 'cwd denied'
for fbx_file in out err out.dd err.dd out.tail err.tail out.rest err.rest; do
  [ ! -L $fbx_file ] && { [ -f $fbx_file ] || [ ! -e $fbx_file ]; } || end replaced
done
# The length is the first word of what dd says last.
{ read -r _; read -r _; read -r fbx_length1 _; } <out.dd
{ read -r _; read -r _; read -r fbx_length2 _; } <err.dd
[ ! -e out.rest ] || read -r fbx_rest1 _ <out.rest
[ ! -e err.rest ] || read -r fbx_rest2 _ <err.rest
say "$fbx_why $fbx_code $fbx_length1 $fbx_length2 $fbx_rest1 $fbx_rest2"
stat -c '%f %u:%g %n' $fbx_reported >>result
fbx_total=$((fbx_length1 + fbx_length2))
if [ $fbx_total -gt 0 ] && [ $fbx_total -le $fbx_short ]; then
  echo >>result
  cat out err >>result
fi
[ "$fbx_why $fbx_code" = "exited 0" ] || exit $fbx_failed
exit 0
`;

/** Brings one piece of stdin to a command that runs, when it has taken the one before: feed NUMBER. */
export const FEED = `${SYSTEM_PATH}
while [ -e ${CHANNEL}/$(($1 - 1)) ]; do sleep 0.05 || sleep 1; done
cat ${MOUNT}/piece >${CHANNEL}/.$1 && mv ${CHANNEL}/.$1 ${CHANNEL}/$1`;

/**
 * Readies a base: the user, its home and the workdir, and reports in `report` and `attributes` what is there.
 * The same base with the same arguments gives the same snapshot, so the engine may answer from its cache.
 */
export const PREPARE = `# prepare UID WORKDIR
${SYSTEM_PATH}
cd ${MOUNT} || exit 1
uid=$1 workdir=$2
missing=
for tool in ${NEEDED_TOOLS.join(" ")}; do command -v $tool >/dev/null 2>&1 || missing="$missing $tool"; done
echo "missing$missing" >report
: >attributes
[ -z "$missing" ] || exit 0
find_user() {
  name= gid= home=
  while IFS=: read -r n _ u g _ h _; do
    if [ "$u" = "$uid" ]; then name=$n gid=$g home=$h; return; fi
  done </etc/passwd
} 2>/dev/null
find_user
if [ -z "$name" ]; then
  mkdir -p /etc
  echo "sandbox:x:$uid:$uid::/home/sandbox:/bin/sh" >>/etc/passwd
  echo "sandbox:x:$uid:" >>/etc/group
  find_user
fi
mkdir -p "$home" && chown "$uid:$gid" "$home" || exit 1
mkdir -p "$workdir" || exit 1
[ "$workdir" = / ] || chown "$uid:$gid" "$workdir" || exit 1
sleep 0.001 2>/dev/null && echo fractions >>report
printf x | dd bs=4 count=1 iflag=fullblock of=/dev/null 2>/dev/null && echo fullblock >>report
echo "gid $gid" >>report
echo "home $home" >>report
if [ "$uid" = 0 ]; then echo become root >>report
elif chroot --userspec="$uid:$gid" --skip-chdir / /bin/sh -c : 2>/dev/null; then echo become chroot >>report
elif su -m -s /bin/sh -c : -- "$name" 2>/dev/null; then echo "become su $name" >>report
fi
reported='/tmp'
for at in "$home" "$workdir"; do
  while [ -n "$at" ] && [ "$at" != / ]; do
    case $at in *[!A-Za-z0-9/._-]*) ;; *) reported="$reported $at" ;; esac
    at=\${at%/*}
  done
done
echo "reported $reported" >>report
stat -c '%f %u:%g %n' $reported >attributes 2>/dev/null
exit 0
`;
