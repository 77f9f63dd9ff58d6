"""Protection of a site against requests that it must not serve: of other sites, for other hosts, or too many."""
