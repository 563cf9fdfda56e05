"""What was asked for: settings and their sources, missions, and what a user brings along as package.module:Name."""
