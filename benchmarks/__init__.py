"""Programs that measure xenoglyph; each checks an answer before it prints its time."""
