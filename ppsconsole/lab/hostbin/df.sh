#!/bin/sh
# The machine's own df; on a host whose disk the lab plays to be full, nothing is free.
mark=@HOME@/run/disk-full
PATH=/usr/local/bin:/usr/bin:/bin
[ -e "$mark" ] || exec df "$@"
df "$@" | awk 'NR > 1 && NF >= 6 { $3 = $2; $4 = 0; $5 = "100%" } { print }'
