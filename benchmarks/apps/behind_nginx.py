"""Run two programs together, a site and its proxy: python behind_nginx.py SOCKET-OR-PORT SITE... -- PROXY..."""

import pathlib
import signal
import socket
import subprocess
import sys
import time

place, *words = sys.argv[1:]
middle = words.index("--")
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
site = subprocess.Popen(words[:middle])
proxy = None
try:
    while site.poll() is None:
        try:
            if place.isdecimal():
                socket.create_connection(("127.0.0.1", int(place))).close()
            elif not pathlib.Path(place).exists():
                raise FileNotFoundError
            break
        except OSError:
            time.sleep(0.05)
    proxy = subprocess.Popen(words[middle + 1 :])
    site.wait()
finally:
    for each in filter(None, (proxy, site)):
        each.terminate()
        each.wait()
