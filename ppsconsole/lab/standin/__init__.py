"""The PPS stand-in: a web node that stores its data in the lab's database. `python -m ppsconsole.lab.standin CONFIG.json`."""
