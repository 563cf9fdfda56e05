"""Configuration: settings with their sources, missions, and plugins named as package.module:Name."""
