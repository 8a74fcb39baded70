#!/bin/sh
# start | stop | status | enable | disable: one service of this host. Installed as NAME-service.
# The lab's supervisor is what systemd or the Windows service manager is elsewhere; it is asked through run/init.
home=@HOME@
service=${0##*/}
service=${service%-service}

ask() {
    reply=$home/run/reply.$$
    mkfifo "$reply" || exit 1
    trap 'rm -f "$reply"' EXIT
    printf '%s %s %s\n' "$$" "$service" "$1" >"$home/run/init"
    read -r code words <"$reply"
    echo "$words"
    exit "${code:-1}"
}

status() {
    enabled=disabled
    [ -e "$home/etc/$service.enabled" ] && enabled=enabled
    state=stopped
    pid=
    if { read -r pid begun <"$home/run/$service.pid"; } 2>/dev/null; then
        state=failed
        if { read -r line <"/proc/$pid/stat"; } 2>/dev/null; then
            # From the third field on; the second is the name and may hold blanks.
            set -- ${line##*) }
            if [ "${20}" = "$begun" ]; then
                case $1 in
                    Z | X) ;;
                    T | t) state=frozen ;;
                    *) state=running; [ -e "$home/run/$service.starting" ] && state=starting ;;
                esac
            fi
        fi
        [ $state = failed ] && pid=
    elif [ -e "$home/run/$service.starting" ]; then
        state=starting
    fi
    version=
    if [ "$service" = pps ]; then
        while read -r key value; do
            [ "$key" = '"version":' ] && version=${value#\"}
        done <"$home/etc/standin.json"
        version=${version%%\"*}
    fi
    # The supervisor runs it before every start of the database, also at boot.
    guard=
    [ "$service" = db ] && [ -x "$home/data.boot-guard" ] && guard=$home/data.boot-guard
    echo "state=$state enabled=$enabled pid=$pid${version:+ version=$version}${guard:+ guard=$guard}"
}

case ${1-} in
    start)
        if [ ! -e "$home/etc/$service.enabled" ]; then
            echo "$service is disabled: enable it first"
            exit 1
        fi
        ask start
        ;;
    stop) ask stop ;;
    status) status ;;
    enable) : >"$home/etc/$service.enabled" ;;
    disable) rm -f "$home/etc/$service.enabled" ;;
    *)
        echo "usage: $service-service start|stop|status|enable|disable" >&2
        exit 2
        ;;
esac
