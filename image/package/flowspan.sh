#!/bin/sh
exec /usr/lib/flowspan/bin/node /usr/lib/flowspan/build/src/main.js "$@"
