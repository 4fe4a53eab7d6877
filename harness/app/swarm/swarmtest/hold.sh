# Holds the namespaces of one engine, and clears them away when its starter has closed
# standard input or has died: hold.sh DIR CGROUP
dir=$1 cgroup=$2
trap '' INT TERM HUP
# /run is where shims and plugins put sockets, whatever they are told.
mount -t tmpfs tmpfs /run && ip link set lo up || exit 1
echo up
cat >/dev/null

own=$(readlink /proc/$$/ns/mnt)
alive() { # the daemons, which share the mounts, and the containers, which share the group
  for p in /proc/[0-9]*; do
    pid=${p#/proc/}
    [ "$pid" = $$ ] || [ "$(readlink "$p/ns/mnt")" != "$own" ] || echo "$pid"
  done 2>/dev/null
  find "/sys/fs/cgroup" -path "*/$cgroup/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u
}
for _ in $(seq 100); do
  # The subshell of the substitution is among them, and gone when it is killed.
  found=$(alive)
  left=
  for pid in $found; do
    kill -KILL "$pid" 2>/dev/null && left=1
  done
  [ -n "$left" ] || break
  sleep 0.1
done
while read -r _ _ _ _ at _; do
  case $at in "$dir"/*) umount -l "$at" ;; esac
done </proc/self/mountinfo
for top in /sys/fs/cgroup/"$cgroup" /sys/fs/cgroup/*/"$cgroup"; do
  [ ! -d "$top" ] || find "$top" -depth -type d -exec rmdir {} +
done
rm -rf "$dir"
