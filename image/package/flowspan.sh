#!/bin/sh
# The service keeps compiled code in its cache folder; commands by hand leave nothing behind.
[ -n "${NODE_COMPILE_CACHE:-}" ] || export NODE_DISABLE_COMPILE_CACHE=1
exec /usr/lib/flowspan/bin/node /usr/lib/flowspan/build/src/main.js "$@"
