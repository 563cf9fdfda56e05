"""Is there a line, and is it real?"""
