#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a connection ends: ending.py ADDRESS PORT SECONDS. An ADDRESS with a slash is a UNIX socket.

Connects, sends a line and reads to the end, for so many seconds. Prints what ended it (reset, end, refused or
late), the bytes that came, the seconds it took, and the time (unix, with microseconds). Says on standard error when
the first byte is there.
"""
import socket
import sys
import time


def run(address, port, seconds):
    family = socket.AF_UNIX if "/" in address else socket.AF_INET6 if ":" in address else socket.AF_INET
    n = 0
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(seconds)
        try:
            s.connect(address if family == socket.AF_UNIX else (address, int(port)))
            s.sendall(b"hello\n")
            while data := s.recv(65536):
                s.settimeout(max(begin + seconds - time.monotonic(), 0.001))
                if n == 0:
                    print("begun", file=sys.stderr, flush=True)
                n += len(data)
            return "end", n
        except (ConnectionResetError, BrokenPipeError):
            return "reset", n
        except ConnectionRefusedError:
            return "refused", n
        except TimeoutError:
            return "late", n


begin = time.monotonic()
how, count = run(sys.argv[1], sys.argv[2], float(sys.argv[3]))
print(how, count, f"{time.monotonic() - begin:.2f}", f"{time.time():.6f}")
