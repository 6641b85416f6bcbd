"""The heads' features and models beside simpler and other ones, judged on authors whom nobody has seen."""
