"""Tables of runs: methods under several seeds."""
