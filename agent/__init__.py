"""The conversational sales agent: one turn at a time, every one answered."""

__version__ = "0.1.0"
