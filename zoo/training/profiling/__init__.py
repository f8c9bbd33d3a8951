"""Where the time of some iterations goes: a table by layer and by operation, and a trace that browsers show."""
