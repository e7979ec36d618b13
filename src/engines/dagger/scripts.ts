/** Where a command's scripts, input and output are mounted while it runs. No snapshot holds it. */
export const MOUNT = "/.forkbox";

/** Where pieces of a stdin that goes on arrive. */
export const CHANNEL = "/.forkbox-in";

/** What every image needs for {@link RUN}. */
export const NEEDED_TOOLS = [
  "cat",
  "dd",
  "env",
  "mkfifo",
  "mv",
  "rm",
  "sleep",
  "stat",
  "tail",
  "tee",
  "wc",
] as const;

/**
 * Runs one command as the first process of its container and leaves what became of it in io/: `out` and `err`,
 * the first HEAD bytes of each stream (of a longer one `out.tail` has the last TAIL bytes and `out.rest` counts
 * those after the head), and `result`: how it ended ("exited 7", "deadline 137", "cwd missing"…) with the lengths of
 * `out` and `err`, the attributes of some directories, an empty line, and `out` and `err` where both are short:
 * with a long ID each file that is asked for takes milliseconds.
 *
 * Streams go through FIFOs, as programs behave differently when they print to a file. tee feeds the engine's
 * log (live output) beside dd, which keeps the head and then makes room for tail; the log is cut there too.
 * The first process can't be killed from inside and its end takes all others with it. What is left when the
 * command ends is stopped, so that nothing can fork, and killed before the streams are read to their end.
 */
export const RUN = `#!/bin/sh
# run NONCE CWD SECONDS, then words for env; or none, and they are in ./words. The rest is in ./options.
io=${MOUNT}/io
cwd=$2 seconds=$3
shift 3
[ $# -gt 0 ] || . ${MOUNT}/words
. ${MOUNT}/options
unset OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_PROTOCOL \\
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_LIVE OTEL_EXPORTER_OTLP_LOGS_PROTOCOL \\
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT OTEL_EXPORTER_OTLP_METRICS_PROTOCOL OTEL_EXPORTER_OTLP_METRICS_ENDPOINT \\
  TRACEPARENT
end() { echo "$1" >$io/result; exit 0; }
: >$io/out
: >$io/err
# What this shell itself says is not the command's output.
exec 3>&2 2>/dev/null
if [ ! -d "$cwd" ]; then [ -e "$cwd" ] && end 'cwd file'; end 'cwd missing'; fi
cd "$cwd" || end 'cwd denied'
unset OLDPWD
input=/dev/null
[ -e ${MOUNT}/in ] && input=${MOUNT}/in
keep() {
  dd bs=$block count=$blocks iflag=fullblock of=$io/$1 2>$io/$1.dd
  read -r full _ <$io/$1.dd
  [ "$full" = "$blocks+0" ] || exit 0
  [ -z "$2" ] || kill -KILL $2
  mkfifo $io/$1.all
  wc -c <$io/$1.all >$io/$1.rest &
  tee $io/$1.all | tail -c $tail >$io/$1.tail
  wait
}
log1= log2= to1=/dev/null to2=/dev/null logs=
[ "$live" = 0 ] || to1=$io/o.log to2=$io/e.log logs="$io/o.log $io/e.log"
mkfifo $io/o $io/e $io/o.keep $io/e.keep $logs || end broken
if [ "$live" = 1 ]; then
  cat <$to1 3>&- & log1=$!
  cat <$to2 >&3 3>&- & log2=$!
fi
exec 3>&-
(trap '' PIPE; exec tee $io/o.keep <$io/o >$to1) & tee1=$!
(trap '' PIPE; exec tee $io/e.keep <$io/e >$to2) & tee2=$!
keep out $log1 <$io/o.keep & keep1=$!
keep err $log2 <$io/e.keep & keep2=$!
if [ -d ${CHANNEL} ]; then
  input=$io/i
  mkfifo $input || end broken
  receive() {
    piece=1
    while :; do
      until [ -e ${CHANNEL}/$piece ]; do sleep 0.05 || sleep 1; done
      [ -s ${CHANNEL}/$piece ] && cat ${CHANNEL}/$piece && rm -f ${CHANNEL}/$piece || exit 0
      piece=$((piece + 1))
    done
  }
  receive >$input &
fi
# Opened here, so that each tee has its writer even when the command is killed before it could open them.
exec 4>$io/o 5>$io/e
env "$@" <$input >&4 2>&5 4>&- 5>&- & pid=$!
exec 4>&- 5>&-
if [ -n "$seconds" ]; then
  { sleep $seconds; : >$io/deadline; kill -KILL $pid; } &
fi
wait $pid
code=$?
why=exited stuck=
[ -e $io/deadline ] && why=deadline
kill -STOP -1
ours=" 1 $keep1 $keep2 $log1 $log2 $tee1 $tee2 "
for entry in /proc/[0-9]*; do
  p=\${entry#/proc/}
  read -r _ _ _ parent _ <$entry/stat || continue
  case $ours in *" $p "*) continue ;; esac
  case " $keep1 $keep2 " in *" $parent "*) continue ;; esac
  kill -KILL $p || stuck=1
done
kill -CONT -1
# What another user owns (sudo) lives until this ends, and may hold the streams open until then.
[ -z "$stuck" ] || { sleep 1; kill -KILL $tee1 $tee2; }
wait $keep1 $keep2
[ ! -d ${CHANNEL} ] || rm -rf ${CHANNEL}/*
# The length is the first word of what dd says last.
{ read -r _; read -r _; read -r length1 _; } <$io/out.dd
{ read -r _; read -r _; read -r length2 _; } <$io/err.dd
echo "$why $code $length1 $length2" >$io/result
stat -c '%f %u:%g %n' $reported >>$io/result
total=$((length1 + length2))
if [ $total -gt 0 ] && [ $total -le $short ]; then
  echo >>$io/result
  cat $io/out $io/err >>$io/result
fi
exit 0
`;

/** Brings one piece of stdin to a command that runs, when it has taken the one before: feed NUMBER. */
export const FEED = `while [ -e ${CHANNEL}/$(($1 - 1)) ]; do sleep 0.05 || sleep 1; done
cat ${MOUNT}/piece >${CHANNEL}/.$1 && mv ${CHANNEL}/.$1 ${CHANNEL}/$1`;

/**
 * Readies a base: the user, its home and the workdir, and reports in io/report what is there.
 * The same base with the same arguments gives the same snapshot, so the engine may answer from its cache.
 */
export const PREPARE = `# prepare UID WORKDIR
io=${MOUNT}/io
uid=$1 workdir=$2
missing=
for tool in ${NEEDED_TOOLS.join(" ")}; do command -v $tool >/dev/null 2>&1 || missing="$missing $tool"; done
echo "missing$missing" >$io/report
: >$io/attributes
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
sleep 0.001 2>/dev/null && echo fractions >>$io/report
printf x | dd bs=4 count=1 iflag=fullblock of=/dev/null 2>/dev/null && echo fullblock >>$io/report
echo "gid $gid" >>$io/report
echo "home $home" >>$io/report
[ -z "$LANG" ] && echo nolang >>$io/report
reported='/tmp'
for at in "$home" "$workdir"; do
  while [ -n "$at" ] && [ "$at" != / ]; do
    case $at in *[!A-Za-z0-9/._-]*) ;; *) reported="$reported $at" ;; esac
    at=\${at%/*}
  done
done
echo "reported $reported" >>$io/report
stat -c '%f %u:%g %n' $reported >$io/attributes 2>/dev/null
exit 0
`;
