"""How things are reached: SSH, PostgreSQL, HTTPS, nginx, secrets. Heavy libraries are imported when first used."""
