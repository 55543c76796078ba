"""`forge doctor` on real projects, servers and ports: what is wrong is said, with the remedy, and no secret is."""
