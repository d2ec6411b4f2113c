# The form of a connection.
