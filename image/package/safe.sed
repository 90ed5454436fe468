# Makes flowspan-safe.service of flowspan.service.
s/^Description=.*/Description=flowspan in safe mode: page and health only/
/^# A box that cannot/d
/^StartLimitInterval/d
/^StartLimitBurst/d
s/^OnFailure=.*/Conflicts=flowspan.service/
s/ run --config/ run --safe --data \/var\/lib\/flowspan --config/
/^Restart=always/c\
# After an hour the whole service is tried again; after a failure of this one too, but not at once: two that cannot start would call each other.\
Restart=no\
RuntimeMaxSec=1h\
ExecStopPost=+/bin/sh -c 'case $$SERVICE_RESULT in success) ;; timeout) systemctl --no-block start flowspan.service ;; *) sleep 60; systemctl --no-block start flowspan.service ;; esac'
/^RestartSec=/d
/^# Since systemd 254/d
/^RestartMode=/d
/^WatchdogSec=/d
/^# Fed as long/d
/^\[Install\]/,$d
