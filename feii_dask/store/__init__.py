"""The run directory: its manifest, tables, outcomes and cutouts, written atomically."""
