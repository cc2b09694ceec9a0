"""How answers move when what is given or decided does: many solves, and what they say together.

==================  ==========================================================
"""
