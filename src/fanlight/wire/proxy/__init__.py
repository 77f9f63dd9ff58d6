"""The PROXY protocol: what a proxy says of a client before the client's own first byte."""

from fanlight.wire.proxy.preface import MOST_BYTES, Preface, read_preface

__all__ = ["MOST_BYTES", "Preface", "read_preface"]
