# Makes flowspan-safe.service of flowspan.service.
s/^Description=.*/Description=flowspan in safe mode: page and health only/
/^# A box that cannot/d
/^StartLimitInterval/d
/^StartLimitBurst/d
s/^OnFailure=.*/Conflicts=flowspan.service\nOnFailure=flowspan.service/
s/ run --config/ run --safe --data \/var\/lib\/flowspan --config/
s/^Restart=always/Restart=no\nRuntimeMaxSec=1h/
/^RestartSec=/d
/^WatchdogSec=/d
/^# Fed as long/d
/^\[Install\]/,$d
