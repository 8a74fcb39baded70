#!/bin/sh
if [ "$*" = -n ]; then
    echo @NAME@
else
    PATH=/usr/bin:/bin exec uname "$@"
fi
