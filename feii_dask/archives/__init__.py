"""Who knows what: catalogues and archives, each turned into a table."""
