# Event log → Settings → SIEM: the list and what is done there.
