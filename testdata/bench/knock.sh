#!/bin/sh
# What people put together from nc: knock in the background, test the port with
# one more nc, and connect when that got an answer.
# usage: knock.sh host port knock...
host=$1 port=$2
shift 2
for try in 1 2 3 4 5 6 7 8 9; do
	for knock; do
		nc -z -w1 "$host" "$knock" </dev/null >/dev/null 2>&1 &
		sleep 0.1
	done
	if [ -n "$(nc -w1 "$host" "$port" </dev/null 2>/dev/null)" ]; then
		exec nc "$host" "$port"
	fi
done
echo "$host port $port is still shut" >&2
exit 1
