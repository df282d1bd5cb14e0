#!/usr/bin/env python3
"""The serial devices on USB as JSON: [{"id": "vendor:product", "serial", "tty"}], out of /sys alone."""

import glob
import json
import os


def text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def device_of(path):
    """The directory of the USB device that a terminal hangs on: the nearest above it that has a vendor."""
    path = os.path.realpath(path)
    while path != "/" and not os.path.exists(os.path.join(path, "idVendor")):
        path = os.path.dirname(path)
    return path


found = []
for terminal in sorted(glob.glob("/sys/class/tty/ttyUSB*") + glob.glob("/sys/class/tty/ttyACM*")):
    device = device_of(os.path.join(terminal, "device"))
    if device == "/":
        continue
    found.append(
        {
            "id": f"{text(os.path.join(device, 'idVendor'))}:{text(os.path.join(device, 'idProduct'))}",
            "serial": text(os.path.join(device, "serial")),
            "product": text(os.path.join(device, "product")),
            "tty": os.path.basename(terminal),
        }
    )
print(json.dumps(found))
