#!/bin/sh
# ps -e -o args= | ps -p 1 -o pid=: the processes of this host, which are those that work in its folder.
# The real machine's table has all hosts of all labs in it, and what else runs there.
home=@HOME@
case "$*" in
    '-p 1 -o pid=') echo 1 ;;
    '-e -o args=')
        for link in $(find /proc/[0-9]*/cwd -prune \( -lname "$home" -o -lname "$home/*" \) 2>/dev/null); do
            tr '\0' ' ' <"${link%cwd}cmdline" 2>/dev/null && echo
        done
        ;;
    *) PATH=/usr/bin:/bin exec ps "$@" ;;
esac
