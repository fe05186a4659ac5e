"""The TWS socket protocol at server versions 178 and 157, without sockets and in both directions.

Bytes become frames (`frames`), a frame's body becomes text fields, and the fields of one message
become a struct (`codec`). Every struct is its own wire layout: its attributes stand in the order
of the wire, their types say how a field is written and read (`fields`). The same declaration
encodes and decodes, so a server, a client and a recorder cannot disagree about a position. The
declarations are those of 178; what 157 has otherwise is one table (`versions`).
"""
