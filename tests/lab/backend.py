#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service on 127.0.0.1: backend.py PORT HOW.

Each connection reads a line. HOW is reset (100 bytes, then a reset), end (5000 bytes, then its end), hold (a
byte each 50 ms for good) or flow (as many bytes as it can, for good).
"""
import socket
import struct
import sys
import threading
import time


def serve(conn, how):
    with conn:
        conn.recv(100)
        if how == "reset":
            conn.sendall(b"x" * 100)
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "end":
            conn.sendall(b"x" * 5000)
        while how == "hold":
            conn.sendall(b"x")
            time.sleep(0.05)
        while how == "flow":
            conn.sendall(bytes(65536))


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        client = listener.accept()[0]
        threading.Thread(target=serve, args=(client, sys.argv[2]), daemon=True).start()
