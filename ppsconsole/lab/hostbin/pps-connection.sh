#!/bin/sh
# get | set INSTANCE: the stored database connection of the PPS stand-in, as the Service Configuration Utility keeps it.
# Takes effect at the next start of the service. Never prints the password: it is in a file of its own.
home=@HOME@
file=$home/etc/connection.json

field() { sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$file"; }

case ${1-} in
    get) echo "host=$(field host) port=$(field port) dbname=$(field dbname) user=$(field user)" ;;
    set)
        port=
        while read -r name address entrance; do
            [ "$name" = "${2-}" ] && port=$entrance
        done <"$home/etc/roads"
        if [ -z "$port" ]; then
            echo "no road from here to a database called '${2-}'" >&2
            exit 1
        fi
        umask 077
        sed -e "s/^\( *\"host\": *\).*/\1\"$2\",/" -e "s/^\( *\"port\": *\).*/\1$port,/" "$file" >"$file.new" &&
            mv "$file.new" "$file"
        ;;
    *)
        echo "usage: pps-connection get | set INSTANCE" >&2
        exit 2
        ;;
esac
