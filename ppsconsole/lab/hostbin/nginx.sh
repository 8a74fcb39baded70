#!/bin/sh
exec @NGINX@ -p @HOME@ -e @HOME@/log/error.log -c @HOME@/etc/nginx.conf "$@"
