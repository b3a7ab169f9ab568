#!/usr/bin/env python3
"""Opens a token door, as doc/token.md specifies it: token.py KEYFILE HOST

It sends one token by UDP. Then connect to the service port within ten seconds. Use it
where knockpipe does not run, such as on a phone.
"""
import base64, hashlib, hmac, secrets, socket, struct, sys, time


def read(path):
    """Returns the carriers of a key file and its key."""
    carriers = []
    for line in open(path):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].lower() not in ("udp", "tcp", "icmp"):
            return carriers, base64.b64decode(words[0], validate=True)
        carriers.append((words[0].lower(), int(words[1]) if len(words) > 1 else 0))


def token(key, slot, n):
    """Returns the nth token of a slot, from 0."""
    message = b"knockpipe token v1" + struct.pack(">QH", slot, n)
    return hmac.new(key, message, hashlib.sha256).digest()[:16]


def main():
    carriers, key = read(sys.argv[1])
    port = next(port for carrier, port in carriers if carrier == "udp")
    data = token(key, int(time.time()) // 120, secrets.randbelow(32))
    for family, kind, proto, _, address in socket.getaddrinfo(sys.argv[2], port, type=socket.SOCK_DGRAM):
        socket.socket(family, kind, proto).sendto(data, address)


if __name__ == "__main__":
    main()
