"""Readers for public sets: from a folder that the user names. Nothing is downloaded, nothing of a set is kept here."""
