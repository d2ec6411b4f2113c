# Event log → Settings → Retention.
retention-tab = Retention
retention-title = How long events are kept
retention-kept = Kept for
retention-size = At most
retention-floor = Never less than (the operator's floor)
retention-floor-none = no floor
retention-gone = Gone by it
retention-gone-none = nothing
retention-gone-events = { $n ->
    [one] one event
   *[other] { $count } events
  }
retention-days = { $n ->
    [one] one day
   *[other] { $count } days
  }
retention-mib = { $size } MiB
retention-for-ever = For ever
retention-no-limit = No limit of size
retention-default = As the service is configured ({ $limit })
retention-days-limit = So many days:
retention-days-number = Days
retention-bytes-limit = So many MiB on disk:
retention-bytes-number = MiB
retention-number = Write a whole number, at least 1.
retention-help = Keeping more takes effect at once. Keeping less waits ({ $delay }): until then it can be cancelled here, and it is an alert. What has ended does not come back.
retention-save = Save
retention-pending = Less will be kept from
retention-cancel = Cancel the reduction
notice-retention-saved = The retention is saved.
notice-retention-waits = The reduction waits. It can be cancelled until it takes effect.
notice-retention-cancelled = The reduction is cancelled.
