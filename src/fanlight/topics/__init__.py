"""Topics: what one view publishes, all that listen get, in whichever worker or machine they are."""
