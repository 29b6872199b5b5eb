#!/bin/sh
# Waits until stdin ends, then ends every process in the network namespaces whose names open with $1,
# and removes them. Interfaces go with their namespace, and what is at an interface's other end too.
cat >/dev/null

for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  pids=$(ip netns pids "${path##*/}")
  [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
done
for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  ip netns delete "${path##*/}"
done
