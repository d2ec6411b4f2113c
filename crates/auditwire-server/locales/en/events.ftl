# Monitoring → Event log.
