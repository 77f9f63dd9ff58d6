"""Templates, error pages and static files."""
