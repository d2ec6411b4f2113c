# The connections of all projects.
overview-title = All SIEM connections
overview-nav = SIEM connections
overview-empty-text = Connections are made in the settings of each project's event log.
overview-all = All
overview-failing = Failing
overview-degraded = Degraded
overview-active = Active
overview-inactive = Inactive
overview-connection = Connection and project
overview-text = Connection, address or project
overview-find = Find
overview-clear = Clear
overview-found = { $n ->
    [one] { $count } connection
   *[other] { $count } connections
}
overview-none = No connection is like that.
overview-show-all = Show all
overview-first = First page
overview-next = Next page
