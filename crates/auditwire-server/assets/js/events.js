// Monitoring → Event log: live tail, filters.
