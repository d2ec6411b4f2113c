# The connection check, activation, codes and remedies.
