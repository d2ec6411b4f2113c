# What error codes of the engine mean.
