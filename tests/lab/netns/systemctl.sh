#!/bin/sh
# A stand-in for systemctl, which needs a systemd that has booted the host: start, stop, reload, enable, disable, mask, unmask
# and `show -p PROPERTY ... -- UNIT`. A unit is a folder in /srv/units with the programs start and stop, and the file pid-file
# that names the file with the pid of its main process.
verb=$1
shift
wanted=
while [ $# -gt 0 ]; do
    case $1 in
        --) ;;
        -p) wanted="$wanted $2"; shift ;;
        -*) echo "systemctl (stand-in): no option $1" >&2; exit 1 ;;
        *) unit=$1 ;;
    esac
    shift
done
folder=/srv/units/$unit

main_pid() {
    { read -r pid <"$(cat "$folder/pid-file")"; } 2>/dev/null && [ -d "/proc/$pid" ] && echo "$pid"
}

unit_file() {
    if [ -e "$folder/masked" ]; then echo masked; elif [ -e "$folder/enabled" ]; then echo enabled; else echo disabled; fi
}

property() {
    case $1 in
        LoadState) [ -d "$folder" ] && { [ -e "$folder/masked" ] && echo masked || echo loaded; } || echo not-found ;;
        ActiveState) [ -n "$(main_pid)" ] && echo active || echo inactive ;;
        SubState) [ -n "$(main_pid)" ] && echo running || echo dead ;;
        MainPID) main_pid || echo 0 ;;
        UnitFileState) unit_file ;;
        Restart) echo no ;;
    esac
}

if [ "$verb" = show ]; then
    for each in $wanted; do echo "$each=$(property "$each")"; done
    exit 0
fi
[ -d "$folder" ] || { echo "Unit $unit.service not found." >&2; exit 5; }
[ "$(id -u)" = 0 ] || { echo "Access denied" >&2; exit 4; }
case $verb in
    start)
        [ -e "$folder/masked" ] && { echo "Failed to start $unit.service: Unit $unit.service is masked." >&2; exit 1; }
        [ -n "$(main_pid)" ] || exec "$folder/start"
        ;;
    stop) [ -z "$(main_pid)" ] || exec "$folder/stop" ;;
    enable) [ ! -e "$folder/masked" ] && : >"$folder/enabled" ;;
    disable) rm -f "$folder/enabled" ;;
    mask) : >"$folder/masked" ;;
    unmask) rm -f "$folder/masked" ;;
    *) echo "systemctl (stand-in): no verb $verb" >&2; exit 1 ;;
esac
