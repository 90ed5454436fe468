#!/bin/sh
# The service keeps compiled code in its cache folder; commands by hand leave nothing behind, and ask the box that stands here.
[ -n "${NODE_COMPILE_CACHE:-}" ] || export NODE_DISABLE_COMPILE_CACHE=1
settings=/etc/flowspan/flowspan.yaml
[ -n "${FLOWSPAN_CONFIG:-}" ] || [ ! -e $settings ] || export FLOWSPAN_CONFIG=$settings
# V8 lets the service's garbage grow to tens of megabytes before it looks; commands by hand are soon over.
young=
[ "${1:-}" != run ] || young=--max-semi-space-size=2
exec /usr/lib/flowspan/bin/node $young /usr/lib/flowspan/build/src/main.js "$@"
