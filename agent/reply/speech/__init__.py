"""The parts of a sentence that sound otherwise than they are written, a room for each kind."""
