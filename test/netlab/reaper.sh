#!/bin/sh
# Waits until stdin ends, then ends every process in the network namespaces whose names open with $1,
# and removes them and the folder $2. Interfaces go with their namespace.
cat >/dev/null

for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  # What is killed may have started another meanwhile, so until there is none. Those that are dead but
  # not yet collected are none.
  while pids=$(ip netns pids "${path##*/}") && [ -n "$pids" ]; do
    kill -KILL $pids 2>/dev/null
  done
done
for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  ip netns delete "${path##*/}"
done
rm -rf -- "$2"
