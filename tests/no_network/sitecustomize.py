"""Keeps a process off every network and notes each attempt; a PYTHONPATH with this folder makes Python load it.

Attempts of Python code raise PermissionError and are written to the file that NETWORK_ATTEMPTS names. Compiled code
asks the kernel itself, so on Linux the kernel ends a process that connects a socket or sends to an address, with the
signal SIGSYS. To bind a socket to this machine is allowed: urllib3 learns so, when it is imported, whether there is
IPv6.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import sys
import traceback
from typing import Any

REFUSED = {
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.getnameinfo",
    "socket.sendmsg",
    "socket.sendto",
}
# architecture, connect, sendto, sendmmsg: as the kernel numbers them
CALLS = {"x86_64": (0xC000003E, 42, 44, 307), "aarch64": (0xC00000B7, 203, 206, 269)}


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: note and refuse what reaches beyond this machine."""
    if event not in REFUSED:
        return
    if isinstance(arguments[0], socket.socket) and arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
        return
    if event == "socket.bind" and arguments[1][0] in ("::1", "127.0.0.1"):
        return
    with open(os.environ["NETWORK_ATTEMPTS"], "a", encoding="utf-8") as attempts:  # noqa: PTH123 (loaded before pathlib)
        attempts.write(f"{event} {arguments}\n{''.join(traceback.format_stack(limit=9))}\n")
    raise PermissionError(f"{event}: nothing here may use a network")


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction))]


def end_at_connections() -> bool:
    """Have the kernel end this process, and those it starts, when they connect; whether the kernel does that."""
    if sys.platform != "linux" or platform.machine() not in CALLS:
        return False
    architecture, connect, send_to, send_many = CALLS[platform.machine()]
    load, equal, end = 0x20, 0x15, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 0, 6, architecture),
        (load, 0, 0, 0),
        (equal, 5, 0, connect),
        (equal, 4, 0, send_many),
        (equal, 0, 2, send_to),
        (load, 0, 0, 56),  # the length of the address; a socket that has its other end needs none
        (equal, 0, 1, 0),
        (end, 0, 0, 0x7FFF0000),  # allow
        (end, 0, 0, 0x80000000),  # end the process
    ]
    instructions = (_Instruction * len(program))(*(_Instruction(*step) for step in program))
    kernel = ctypes.CDLL(None, use_errno=True)
    # a filter needs the promise that no program started later gains rights
    filtered = ctypes.byref(_Program(len(program), instructions))
    return bool(kernel.prctl(38, 1, 0, 0, 0) == 0 and kernel.prctl(22, 2, filtered, 0, 0) == 0)


if "NETWORK_ATTEMPTS" in os.environ:
    os.environ["NETWORK_GUARD"] = "kernel" if end_at_connections() else "python"
    sys.addaudithook(refuse)
